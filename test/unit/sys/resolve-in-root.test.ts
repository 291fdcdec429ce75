import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolveInRoot } from "../../../src/sys/resolve-in-root.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "berth-root-"));
  await mkdir(join(root, "usr/lib"), { recursive: true });
  await writeFile(join(root, "usr/lib/file"), "");
  await symlink("usr/lib", join(root, "lib"));
  await symlink("/usr/lib", join(root, "absolute"));
  await symlink("../../../../etc", join(root, "usr/out"));
  await symlink("b", join(root, "a"));
  await symlink("a", join(root, "b"));
});
afterAll(() => rm(root, { recursive: true }));

test.each([
  ["/usr/lib/file", "/usr/lib/file"],
  ["lib/file", "/usr/lib/file"],
  ["/lib/none/deeper", "/usr/lib/none/deeper"],
  ["/absolute/file", "/usr/lib/file"],
  ["/usr/out/passwd", "/etc/passwd"],
  ["/lib", "/lib"],
  ["/usr//./lib/", "/usr/lib"],
  ["/../../usr", "/usr"],
  ["/usr/lib/file/below", "/usr/lib/file/below"],
  ["/", "/"],
])("resolveInRoot() of %j is %j, the last name not followed", (path, expected) => {
  expect(resolveInRoot(root, path, { last: false })).toBe(expected);
});

test("resolveInRoot() follows the last name when told to", () => {
  expect(resolveInRoot(root, "/lib", { last: true })).toBe("/usr/lib");
});

test("resolveInRoot() ends in a loop", () => {
  expect(() => resolveInRoot(root, "/a/x", { last: false })).toThrow("too many symlinks");
});
