import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findRuntime, formatRuntime } from "../../../src/runtime/runtime.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "berth-runtime-"));
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await mkdir(join(root, "usr/sbin"), { recursive: true });
});
afterEach(() => rm(root, { recursive: true }));

async function program(path: string, mode = 0o755): Promise<void> {
  await writeFile(join(root, path), "");
  await chmod(join(root, path), mode);
}

test("findRuntime() takes systemd where the tree has no OCI runtime", async () => {
  expect(await findRuntime(undefined, { root })).toEqual({ kind: "systemd" });
});

test("findRuntime() prefers runc to crun, by the path inside the tree", async () => {
  await program("usr/bin/crun");
  expect(formatRuntime(await findRuntime(undefined, { root }))).toBe("/usr/bin/crun");
  await program("usr/sbin/runc");
  expect(await findRuntime(undefined, { root })).toEqual({
    kind: "oci",
    path: "/usr/sbin/runc",
    flavor: "runc",
  });
});

test("findRuntime() takes the path of any OCI runtime", async () => {
  await program("usr/bin/youki");
  expect(await findRuntime("/usr/bin/youki", { root })).toEqual({
    kind: "oci",
    path: "/usr/bin/youki",
    flavor: "other",
  });
});

test.each([
  ["crun", "RUNTIME_MISSING"],
  ["/usr/bin/none", "RUNTIME_MISSING"],
  ["../../bin/sh", "RUNTIME_UNSUPPORTED"],
  ["a b", "RUNTIME_UNSUPPORTED"],
  ["", "RUNTIME_UNSUPPORTED"],
])("findRuntime() refuses %j with %s", async (wanted, code) => {
  await expect(findRuntime(wanted, { root })).rejects.toMatchObject({ code });
});

test("findRuntime() does not take a file that nobody can execute", async () => {
  await program("usr/sbin/runc", 0o644);
  await expect(findRuntime("runc", { root })).rejects.toMatchObject({ code: "RUNTIME_MISSING" });
});
