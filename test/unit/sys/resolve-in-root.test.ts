import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolveInRoot } from "../../../src/sys/resolve-in-root.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "berth-root-"));
  await mkdir(join(root, "srv/data"), { recursive: true });
  await writeFile(join(root, "srv/file"), "");
  await symlink("/srv", join(root, "absolute"));
  await symlink("../../../srv", join(root, "srv/data/up"));
  await symlink("loop", join(root, "loop"));
});
afterAll(() => rm(root, { recursive: true }));

test.each([
  ["/srv/data", "/srv/data"],
  ["/absolute/data", "/srv/data"],
  ["/absolute", "/srv"],
  ["/srv/data/up/file", "/srv/file"],
  ["/../../etc", "/etc"],
  ["/none/at/all", "/none/at/all"],
  ["/srv/file/below", "/srv/file/below"],
])("resolveInRoot() leads %s to %s of the root", (path, expected) => {
  expect(resolveInRoot(root, path)).toBe(join(root, expected));
});

test("resolveInRoot() keeps a link at the end where that is asked for", () => {
  expect(resolveInRoot(root, "/absolute", { keepLast: true })).toBe(join(root, "absolute"));
  expect(resolveInRoot(root, "/absolute/data/", { keepLast: true })).toBe(join(root, "srv/data"));
});

test("resolveInRoot() follows no loop for ever", () => {
  expect(() => resolveInRoot(root, "/loop")).toThrow(expect.objectContaining({ code: "ELOOP" }));
});
