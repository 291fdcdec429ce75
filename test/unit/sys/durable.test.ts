import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { asidesIn, linkDurably, removeDurably, writeDurably } from "../../../src/sys/durable.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-durable-"));
});
afterEach(() => rm(dir, { recursive: true }));

test("writeDurably() makes and replaces a file, at its mode whatever the umask", async () => {
  const path = join(dir, "a");
  const umask = process.umask(0o077);
  try {
    await writeDurably(path, "one", { mode: 0o644 });
    await writeDurably(path, "two", { mode: 0o644 });
  } finally {
    process.umask(umask);
  }
  expect(await readFile(path, "utf8")).toBe("two");
  expect((await stat(path)).mode & 0o7777).toBe(0o644);
  expect(await readdir(dir)).toEqual(["a"]);
});

test.each([
  ["a link", (path: string) => symlink("/dev/null", path)],
  ["a broken link", (path: string) => symlink("nowhere", path)],
])("writeDurably() does not replace %s", async (_, make) => {
  const path = join(dir, "a");
  await make(path);
  const target = await readlink(path);
  await expect(writeDurably(path, "x", { mode: 0o644 })).rejects.toMatchObject({
    code: "EEXIST",
  });
  expect(await readlink(path)).toBe(target);
});

test("writeDurably() does not replace a device", async () => {
  await expect(writeDurably("/dev/full", "x", { mode: 0o644 })).rejects.toMatchObject({
    code: "EEXIST",
  });
  expect((await stat("/dev/full")).isCharacterDevice()).toBe(true);
});

test("writeDurably() leaves nothing beside a file that it cannot write", async () => {
  await expect(writeDurably(join(dir, "none", "a"), "x", { mode: 0o644 })).rejects.toMatchObject({
    code: "ENOENT",
  });
  expect(await readdir(dir)).toEqual([]);
});

test("linkDurably() makes and replaces a link", async () => {
  const path = join(dir, "l");
  await linkDurably(path, "one");
  await linkDurably(path, "two");
  expect(await readlink(path)).toBe("two");
  expect(await readdir(dir)).toEqual(["l"]);
});

test("removeDurably() says whether there was something", async () => {
  await writeFile(join(dir, "a"), "");
  expect(await removeDurably(join(dir, "a"))).toBe(true);
  expect(await removeDurably(join(dir, "a"))).toBe(false);
});

test("what a killed process had written aside goes with the next change of the same path", async () => {
  const dead = spawnSync("true").pid;
  const left = [`.a.${dead}-0123456789ab~`, `.a.${process.pid}-0123456789ab~`, `.ab.${dead}-0123456789ab~`];
  for (const change of [
    () => writeDurably(join(dir, "a"), "x", { mode: 0o600 }),
    () => linkDurably(join(dir, "a"), "x"),
    () => removeDurably(join(dir, "a")),
  ]) {
    await rm(join(dir, "a"), { force: true });
    for (const name of left) await writeFile(join(dir, name), "");
    expect((await asidesIn(dir)).sort()).toEqual(["a", "a", "ab"]);
    await change();
    expect((await readdir(dir)).filter((name) => name !== "a").sort()).toEqual(left.slice(1).sort());
  }
});
