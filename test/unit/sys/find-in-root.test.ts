import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findInRoot } from "../../../src/sys/find-in-root.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "berth-root-"));
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await writeFile(join(root, "usr/bin/busybox"), "");
  await chmod(join(root, "usr/bin/busybox"), 0o755);
  await writeFile(join(root, "usr/bin/data"), "");
  await symlink("/usr/bin", join(root, "bin"));
  await symlink("busybox", join(root, "usr/bin/only-inside"));
  await symlink("../../../../usr/bin/busybox", join(root, "usr/bin/up"));
  await symlink("loop", join(root, "usr/bin/loop"));
  await symlink("/bin/sh", join(root, "usr/bin/host-only"));
});
afterAll(() => rm(root, { recursive: true }));

test.each([
  ["busybox", "/usr/bin/busybox"],
  ["only-inside", "/usr/bin/only-inside"],
  ["up", "/usr/bin/up"],
  ["/bin/busybox", "/bin/busybox"],
  ["data", undefined],
  ["loop", undefined],
  ["host-only", undefined],
  ["none", undefined],
])("findInRoot() finds %j at %j", (program, found) => {
  expect(findInRoot(root, { program, path: "relative:/none:/usr/bin:/bin" })).toBe(found);
});
