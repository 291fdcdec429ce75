import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tryLock, unlock } from "../../../src/sys/flock.ts";
import { makeDevice, mknod } from "../../../src/sys/mknod.ts";
import { renameExchange, renameNoReplace } from "../../../src/sys/renameat2.ts";
import { syncfs, syncfsInThread } from "../../../src/sys/syncfs.ts";
import { futimens, lutimens } from "../../../src/sys/utimens.ts";
import { fsetxattr, lgetxattr, llistxattr, lsetxattr } from "../../../src/sys/xattr.ts";

const SYS = join(import.meta.dirname, "../../../src/sys");

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "berth-sys-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe("enter()", () => {
  test("keeps others from the files of this process until it is another one", async () => {
    const script = `
      const { enter, openDoors } = await import(${JSON.stringify(`${SYS}/enter.ts`)});
      const { native } = await import(${JSON.stringify(`${SYS}/libc.ts`)});
      const prctl = native("int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)");
      const before = prctl(3, 0, 0, 0, 0);
      enter(openDoors(process.pid));
      console.log(before, prctl(3, 0, 0, 0, 0));`;
    const argv = ["--input-type=module", "--eval", script];
    expect(execFileSync(process.execPath, argv, { encoding: "utf8" })).toBe("1 0\n");
  });
});

const NON_UTF8 = (): Buffer => Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0x66, 0xff, 0xfe])]);

describe("tryLock()", () => {
  test.each([
    ["exclusive", "exclusive", false],
    ["exclusive", "shared", false],
    ["shared", "exclusive", false],
    ["shared", "shared", true],
  ] as const)("a %s lock beside a %s one: %s", (first, second, expected) => {
    const [a, b] = [openSync(join(dir, "lock"), "w"), openSync(join(dir, "lock"), "w")];
    expect(tryLock(a, first)).toBe(true);
    expect(tryLock(b, second)).toBe(expected);
    closeSync(a);
    expect(tryLock(b, second)).toBe(true);
    unlock(b);
    closeSync(b);
  });

  test("a closed descriptor is EBADF", () => {
    expect(() => tryLock(9999, "shared")).toThrow(
      expect.objectContaining({ code: "EBADF", syscall: "flock" }),
    );
  });
});

describe("xattrs", () => {
  test("lsetxattr() keeps bytes that are not text, lgetxattr() and llistxattr() give them back", () => {
    const file = NON_UTF8();
    writeFileSync(file, "x");
    const value = Buffer.from([1, 0, 0xff, 0, 2]);
    lsetxattr(file, "user.berth", value);
    expect(lgetxattr(file, "user.berth")).toEqual(value);
    expect(llistxattr(file).map(String)).toContain("user.berth");
  });

  test("lgetxattr() of an absent attribute is undefined", () => {
    writeFileSync(join(dir, "a"), "x");
    expect(lgetxattr(join(dir, "a"), "user.none")).toBeUndefined();
  });

  test("fsetxattr() takes an empty value", () => {
    const fd = openSync(join(dir, "a"), "w");
    fsetxattr(fd, "user.empty", Buffer.alloc(0));
    closeSync(fd);
    expect(lgetxattr(join(dir, "a"), "user.empty")).toEqual(Buffer.alloc(0));
  });

  test("lsetxattr() of a missing file names it", () => {
    expect(() => lsetxattr(join(dir, "none"), "user.a", Buffer.alloc(1))).toThrow(
      expect.objectContaining({ code: "ENOENT", syscall: "lsetxattr", path: join(dir, "none") }),
    );
  });
});

describe("mknod()", () => {
  test.each([
    { type: "char", device: { major: 1, minor: 3 } },
    { type: "block", device: { major: 259, minor: 70000 } },
    { type: "fifo", device: { major: 0, minor: 0 } },
  ] as const)("makes a $type", ({ type, device }) => {
    const path = join(dir, "node");
    mknod(path, { type, mode: 0o600, device });
    const stat = lstatSync(path, { bigint: true });
    expect([stat.isCharacterDevice(), stat.isBlockDevice(), stat.isFIFO()]).toEqual(
      ["char", "block", "fifo"].map((each) => each === type),
    );
    expect(stat.rdev).toBe(makeDevice(device));
  });

  test("never replaces", () => {
    writeFileSync(join(dir, "a"), "");
    expect(() => mknod(join(dir, "a"), { type: "fifo", mode: 0o600 })).toThrow(
      expect.objectContaining({ code: "EEXIST" }),
    );
  });

  test("a path with NUL is a TypeError", () => {
    expect(() => mknod(`${dir}/a\0b`, { type: "fifo", mode: 0o600 })).toThrow(TypeError);
  });
});

describe("renameat2", () => {
  test("renameNoReplace() leaves an existing file", () => {
    writeFileSync(join(dir, "a"), "a");
    writeFileSync(join(dir, "b"), "b");
    expect(() => renameNoReplace(join(dir, "a"), join(dir, "b"))).toThrow(
      expect.objectContaining({ code: "EEXIST", path: join(dir, "a"), dest: join(dir, "b") }),
    );
    expect(readFileSync(join(dir, "b"), "utf8")).toBe("b");
    renameNoReplace(join(dir, "a"), join(dir, "c"));
    expect(existsSync(join(dir, "a"))).toBe(false);
  });

  test("renameExchange() swaps", () => {
    writeFileSync(join(dir, "a"), "a");
    symlinkSync("x", join(dir, "b"));
    renameExchange(join(dir, "a"), join(dir, "b"));
    expect(readFileSync(join(dir, "b"), "utf8")).toBe("a");
    expect(lstatSync(join(dir, "a")).isSymbolicLink()).toBe(true);
  });
});

describe("times", () => {
  test.each([-86_400_000_000_007n, -1n, 0n, 1n, 1_700_000_000_123_456_789n])(
    "lutimens() sets %s ns",
    (ns) => {
      const file = NON_UTF8();
      writeFileSync(file, "x");
      lutimens(file, ns);
      expect(lstatSync(file, { bigint: true }).mtimeNs).toBe(ns);
    },
  );

  test("lutimens() sets a symlink's own time, futimens() an open file's", () => {
    symlinkSync("nowhere", join(dir, "link"));
    lutimens(join(dir, "link"), 5n);
    expect(lstatSync(join(dir, "link"), { bigint: true }).mtimeNs).toBe(5n);
    const fd = openSync(join(dir, "file"), "w");
    futimens(fd, 123_456_789n);
    closeSync(fd);
    expect(lstatSync(join(dir, "file"), { bigint: true }).mtimeNs).toBe(123_456_789n);
  });
});

test("syncfs() syncs, and EBADF is an error", () => {
  const fd = openSync(dir, "r");
  syncfs(fd);
  closeSync(fd);
  expect(() => syncfs(9999)).toThrow(expect.objectContaining({ code: "EBADF", syscall: "syncfs" }));
});

test("syncfsInThread() syncs, and any failure is EIO", async () => {
  const fd = openSync(dir, "r");
  await syncfsInThread(fd);
  closeSync(fd);
  await expect(syncfsInThread(9999)).rejects.toMatchObject({ code: "EIO", syscall: "syncfs" });
});
