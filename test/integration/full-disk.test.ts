/** A file system without room, at every size from none to enough. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isErrno } from "../../src/errors.ts";
import { berthIn, documentOf, isLong, say, stateOf } from "../support/crash.ts";
import { makeImage, type TestFiles, writeLayout } from "../support/images.ts";
import { canLoopMount, type LoopImage, makeLoopImage } from "../support/loop-image.ts";

describe.runIf(canLoopMount)("a full disk", () => {
  let dir: string;
  let disk: LoopImage;
  let root: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "berth-full-"));
    disk = await makeLoopImage(join(dir, "disk"), { type: "ext4", megabytes: 32 });
    // Compressed it is small: what fills the disk is the unpacking, not what is foreseen.
    const files: TestFiles = Object.fromEntries(
      Array.from({ length: 300 }, (_, at) => [`usr/${at % 20}/${at}`, Buffer.alloc(10_000, String(at))]),
    );
    const config = { Entrypoint: ["/bin/tool"], Volumes: { "/data": {} } };
    const base: TestFiles = { "bin/tool": { content: "tool", mode: 0o755 } };
    const small = await makeImage({ layers: [base], config });
    const large = await makeImage({
      layers: [base, files, { "usr/large": Buffer.alloc(4_000_000, 1) }],
      config,
    });
    await writeLayout(join(dir, "layout"), { small, large });
    root = join(disk.dir, "root");
    await mkdir(root);
    await documentOf(root, "pull", layout("small"), "--as", "example.com/app:small");
    await documentOf(root, ...install("small", "app"));
  });
  afterAll(async () => {
    await disk[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  const layout = (tag: string): string => `oci:${join(dir, "layout")}:${tag}`;
  const install = (tag: string, name: string): string[] => [
    ...["install", `example.com/app:${tag}`, "--runtime", "systemd", "--name", name],
  ];

  /** Leaves so much free, in kB: fills the disk to the last byte, then gives back. */
  function leaveFree(kilobytes: number): void {
    const ballast = join(disk.dir, "ballast");
    rmSync(ballast, { force: true });
    const fd = openSync(ballast, "w");
    try {
      let size = 0;
      for (const piece of [1024 * 1024, 4096]) size += fill(fd, piece);
      ftruncateSync(fd, Math.max(0, size - kilobytes * 1024));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Writes pieces until there is no room for one more; how many bytes that were. */
  function fill(fd: number, piece: number): number {
    const bytes = Buffer.alloc(piece);
    for (let size = 0; ; ) {
      try {
        size += writeSync(fd, bytes);
      } catch (error) {
        if (isErrno(error, "ENOSPC")) return size;
        throw error;
      }
    }
  }

  async function expectFull(argv: string[]): Promise<boolean> {
    const { status, stderr } = await berthIn(root, ...argv);
    if (status === 0) return false;
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "NO_SPACE" } });
    return true;
  }

  async function expectClean(): Promise<void> {
    const { stdout, stderr } = await berthIn(root, "verify");
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({ clean: true });
  }

  test("statement 13: a pull without room is NO_SPACE and leaves the store as it was, until there is enough", async () => {
    const before = stateOf(root);
    const steps = isLong ? 100 : 12;
    let failures = 0;
    for (let step = 0; step <= steps; step++) {
      leaveFree(Math.round((step * 12_000) / steps));
      const isFull = await expectFull(["pull", layout("large"), "--as", "example.com/app:large"]);
      expect(readdirSync(join(root, "var/lib/berth/store/tmp"))).toEqual([]);
      await expectClean();
      if (!isFull) break;
      failures++;
      leaveFree(12_000);
      await documentOf(root, "prune");
      expect(stateOf(root)).toEqual(before);
    }
    say(`full disk: ${failures} pulls failed before one had room`);
    expect(failures).toBeGreaterThan(2);
    const { images } = await documentOf<{ images: object[] }>(root, "images");
    expect(images).toHaveLength(2);
  }, 600_000);

  test("an install without room is NO_SPACE and is undone, until there is enough", async () => {
    leaveFree(12_000);
    await documentOf(root, "pull", layout("large"), "--as", "example.com/app:large");
    const before = stateOf(root);
    const steps = isLong ? 60 : 10;
    let failures = 0;
    for (let step = 0; step <= steps; step++) {
      leaveFree(Math.round((step * 400) / steps));
      const isFull = await expectFull(install("large", "big"));
      leaveFree(12_000);
      await expectClean();
      if (!isFull) break;
      failures++;
      expect(existsSync(join(root, "etc/systemd/system/big.service"))).toBe(false);
      await documentOf(root, "recover");
      expect(stateOf(root)).toEqual(before);
    }
    say(`full disk: ${failures} installs failed before one had room`);
    expect(failures).toBeGreaterThan(1);
    const { containers } = await documentOf<{ containers: { name: string }[] }>(root, "list");
    expect(containers.map(({ name }) => name)).toEqual(["app", "big"]);
  }, 600_000);

  test("on a disk that is full to the last byte rmi and prune make room for all else", async () => {
    leaveFree(0);
    await documentOf(root, "rmi", "example.com/app:large");
    await documentOf(root, "prune");
    await documentOf(root, "uninstall", "app");
    await documentOf(root, "prune");
    await expectClean();
  }, 60_000);
});
