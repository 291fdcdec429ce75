/** adopt on a tree that does not run: what becomes of Atomic's deployments, and that it can be undone. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CHECKOUTS, writeAtomic } from "../support/atomic-tree.ts";
import { berthIn, documentOf, inCopy, killAtPoints } from "../support/crash.ts";
import { sample } from "../support/kill-points.ts";
import { listingOf } from "../support/listing-of.ts";

let dir: string;
let root: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-adopt-"));
  root = join(dir, "root");
  mkdirSync(root);
  writeAtomic(root, { name: "hello", current: 1, numbers: [0, 1] });
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const containers = (path: string): string => join(root, "var/lib/berth/containers", path);
const text = (path: string): string => readFileSync(path, "utf8");

/** All that is not berth's own state. */
const hostOf = (base: string): string[] =>
  listingOf(base).filter((line) => !line.startsWith("/var/lib/berth"));

async function failureOf(...argv: string[]): Promise<{ code: string; message: string }> {
  const { stderr } = await berthIn(root, ...argv);
  return (JSON.parse(stderr) as { error: { code: string; message: string } }).error;
}

test("makes deployments of Atomic's, with their numbers, values, unit, lines and record of files", async () => {
  expect(await documentOf(root, "adopt")).toMatchObject({
    containers: [{ name: "hello", outcome: "adopted", deployments: [0, 1], current: 1, running: false }],
  });
  expect(readlinkSync(containers("hello"))).toBe("hello.1");
  const info = JSON.parse(text(containers("hello.1/info"))) as object;
  expect(info).toMatchObject({
    ...{ image: "docker.io/library/hello:latest", created: 1_500_000_001, runtime: "/usr/bin/runc" },
    values: { RECEIVER: "Pluto", UUID: "0e2ba1b4-8a05-4e77-9f5c-d0b0a1f5e6c7" },
    "installed-files": expect.arrayContaining(["/usr/local/bin/hi", "/etc/hi.conf"]) as string[],
    "installed-files-checksum": { "/usr/local/hi-placeholder": "0" },
    berth: { command: ["/usr/bin/run.sh"], enabled: true, request: { start: true } },
  });
  expect(text(containers("hello.0/rootfs/usr/bin/run.sh"))).toBe("echo 0\n");
  const twin = lstatSync(containers("hello.1/rootfs/usr/share/twin"));
  expect(twin).toMatchObject({ uid: 7, gid: 8, nlink: 5 });
  expect(readlinkSync(containers("hello.1/rootfs/usr/share/link"))).toBe("same");
  const unit = text(join(root, "etc/systemd/system/hello.service"));
  expect(unit).toContain("WorkingDirectory=/var/lib/berth/containers/hello.1\n");
  expect(unit).toContain("Restart=on-crash\n");
  expect(text(containers("hello.1/config.json"))).toContain("DIR=/var/lib/berth/containers/hello.1");
  expect(text(join(root, "etc/tmpfiles.d/hello.conf"))).toBe("D /run/hello 0700 - - - -\n");
  expect(await documentOf(root, "verify")).toMatchObject({ clean: true, checked: { deployments: 2 } });
  expect(await documentOf(root, "history", "hello")).toMatchObject({
    deployments: [
      { number: 1, current: true },
      { number: 0, previous: true },
    ],
  });
});

test("keeps account of host files: unedited ones follow a rollback and go with the container", async () => {
  const hi = join(root, "usr/local/bin/hi");
  await documentOf(root, "adopt", "hello");
  expect(text(hi)).toBe("hi 1\n");
  await documentOf(root, "rollback", "hello");
  expect(text(hi)).toBe("hi 0\n");
  expect(text(join(root, "etc/hi.conf"))).toBe("edited\n");
  await documentOf(root, "adopt", "--undo");
  expect(text(hi)).toBe("hi 1\n");
  await documentOf(root, "adopt", "hello");
  await documentOf(root, "uninstall", "hello");
  for (const path of [hi, join(root, "usr/local/bin/hello"), join(root, "usr/local/hi-placeholder")])
    expect(existsSync(path)).toBe(false);
  expect(text(join(root, "etc/hi.conf"))).toBe("edited\n");
});

test("a rollback goes to what Atomic had before, and a prune keeps what deployments need", async () => {
  await documentOf(root, "adopt", "hello");
  await documentOf(root, "prune");
  await documentOf(root, "rollback", "hello");
  expect(readlinkSync(containers("hello"))).toBe("hello.0");
  expect(text(join(root, "etc/systemd/system/hello.service"))).toContain("containers/hello.0\n");
  expect(await documentOf(root, "verify")).toMatchObject({ clean: true });
});

test("--undo gives it back as it was, also after a rollback", async () => {
  const before = hostOf(root);
  await documentOf(root, "adopt");
  await documentOf(root, "rollback", "hello");
  expect(await documentOf(root, "adopt", "--undo")).toMatchObject({
    containers: [{ name: "hello", outcome: "undone" }],
  });
  expect(hostOf(root)).toEqual(before);
  expect(readdirSync(containers(".")).filter((name) => !name.startsWith("."))).toEqual([]);
  expect(await documentOf(root, "adopt", "--undo")).toMatchObject({ containers: [] });
  expect(await documentOf(root, "adopt")).toMatchObject({ containers: [{ outcome: "adopted" }] });
});

test("--confirm removes what Atomic had, and then there is nothing to undo", async () => {
  await documentOf(root, "adopt");
  expect(await documentOf(root, "adopt", "--confirm", "hello")).toMatchObject({
    containers: [{ name: "hello", outcome: "confirmed" }],
  });
  expect(readdirSync(join(root, CHECKOUTS))).toEqual([]);
  expect(await failureOf("adopt", "--undo", "hello")).toMatchObject({ code: "NOT_INSTALLED" });
  expect(await documentOf(root, "verify")).toMatchObject({ clean: true });
});

test("--dry-run changes nothing", async () => {
  const before = listingOf(root);
  expect(await documentOf(root, "adopt", "--dry-run")).toMatchObject({
    containers: [{ name: "hello", outcome: "planned", image: "docker.io/library/hello:latest" }],
  });
  expect(listingOf(root)).toEqual(before);
});

test("an info of an older version is enough", async () => {
  const missing = [
    "revision",
    "created",
    "image",
    "runtime",
    "has-container-service",
    "rpm-installed",
    "use-links",
  ];
  const info = Object.fromEntries([...missing, "installed-files-checksum"].map((key) => [key, undefined]));
  writeAtomic(root, { name: "old", info });
  expect(await documentOf(root, "adopt", "old")).toMatchObject({ containers: [{ outcome: "adopted" }] });
  expect(JSON.parse(text(containers("old.0/info")))).toMatchObject({
    ...{ image: "docker.io/library/old:latest", runtime: "/usr/bin/runc", "installed-files-checksum": {} },
  });
});

test("a remote root file system stays where it is", async () => {
  const remote = `${CHECKOUTS}/hello.1`;
  writeAtomic(root, {
    name: "far",
    info: { remote },
    rootfs: (path) => rmSync(path, { recursive: true }),
  });
  await documentOf(root, "adopt", "far");
  expect(readlinkSync(containers("far.0/rootfs"))).toBe(`${remote}/rootfs`);
  expect(await documentOf(root, "verify", "far")).toMatchObject({ clean: true });
});

test("what cannot be taken over is skipped with the reason and stays Atomic's", async () => {
  writeAtomic(root, { name: "files", info: { "has-container-service": false } });
  writeAtomic(root, { name: "half" });
  rmSync(join(root, CHECKOUTS, "half.0/info"));
  writeAtomic(root, { name: "lost" });
  rmSync(join(root, "etc/systemd/system/lost.service"));
  const { status, stdout } = await berthIn(root, "adopt");
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    containers: [
      { name: "files", outcome: "skipped", reason: expect.stringContaining("no service") as string },
      { name: "half", outcome: "skipped", reason: expect.stringContaining("is not whole") as string },
      { name: "hello", outcome: "adopted" },
      { name: "lost", outcome: "skipped", reason: expect.stringContaining("has no unit") as string },
    ],
  });
  expect(existsSync(containers("half"))).toBe(false);
  expect(await failureOf("adopt", "hello")).toMatchObject({ code: "NAME_TAKEN" });
  expect(await failureOf("adopt", "nothing")).toMatchObject({ code: "NOT_INSTALLED" });
  expect(await failureOf("adopt", "--from", "/nowhere")).toMatchObject({ code: "CONFIG_INVALID" });
});

test("one that is killed is undone by the next command, or done", async () => {
  const before = hostOf(root);
  const killed = await inCopy(root, (base) =>
    killAtPoints(
      {
        base,
        argv: ["adopt"],
        async check(at) {
          await documentOf(at, "recover");
          const names = existsSync(join(at, "var/lib/berth/containers/hello"));
          expect(await documentOf(at, "verify")).toMatchObject({ clean: true });
          if (names) await documentOf(at, "adopt", "--undo");
          expect(hostOf(at)).toEqual(before);
          expect(await documentOf(at, "adopt", "--dry-run")).toMatchObject({
            containers: [{ name: "hello" }],
          });
        },
      },
      (length) => [1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1].map((part) => Math.max(1, Math.floor(part * length))),
    ),
  );
  expect(killed.killed).toBeGreaterThan(4);
});

test("a --confirm that is killed can be undone as long as Atomic's files are whole, and is finished else", async () => {
  const before = hostOf(root);
  await documentOf(root, "adopt");
  const killed = await inCopy(root, (base) =>
    killAtPoints(
      {
        base,
        argv: ["adopt", "--confirm", "hello"],
        async check(at) {
          const undo = await berthIn(at, "adopt", "--undo", "hello");
          if (undo.status === 0) expect(hostOf(at)).toEqual(before);
          else {
            await documentOf(at, "recover");
            expect(readdirSync(join(at, CHECKOUTS))).toEqual([]);
            expect(await documentOf(at, "adopt", "--undo")).toMatchObject({ containers: [] });
          }
        },
      },
      (length) => sample(length, 7),
    ),
  );
  expect(killed.killed).toBeGreaterThan(4);
});
