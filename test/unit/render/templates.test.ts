import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadTemplates } from "../../../src/render/templates.ts";

let overrides: string;
beforeEach(async () => {
  overrides = await mkdtemp(join(tmpdir(), "berth-templates-"));
});
afterEach(() => rm(overrides, { recursive: true }));

async function override(text: string): Promise<string> {
  const file = join(overrides, "tmpfiles.conf.ejs");
  await writeFile(file, text);
  await chmod(file, 0o644);
  return file;
}

test("loadTemplates() has the admin's template replace berth's own of that name", async () => {
  await override("mine <%- directories.length %>");
  const render = await loadTemplates(overrides);
  expect(render("tmpfiles.conf.ejs", { directories: [1, 2] })).toBe("mine 2");
});

test("loadTemplates() renders berth's own where the admin has none", async () => {
  const render = await loadTemplates(join(overrides, "none"));
  expect(render("tmpfiles.conf.ejs", { directories: [{ path: "/a", mode: "0755", uid: 1, gid: 2 }] })).toBe(
    "d /a :0755 :1 :2 - -\n",
  );
});

test.each([
  ["writable by others", (file: string) => chmod(file, 0o666)],
  ["writable by its group", (file: string) => chmod(file, 0o664)],
  ["another user's", (file: string) => chown(file, 1234, 0)],
])("loadTemplates() refuses a template that is %s, since it is code", async (_, spoil) => {
  const file = await override("x");
  await spoil(file);
  await expect(loadTemplates(overrides)).rejects.toMatchObject({
    code: "TEMPLATE_INVALID",
    message: expect.stringContaining(file),
  });
});

test("loadTemplates() names the file of a template that fails", async () => {
  const file = await override("<%- nothing.here %>");
  const render = await loadTemplates(overrides);
  expect(() => render("tmpfiles.conf.ejs", {})).toThrow(
    expect.objectContaining({ code: "TEMPLATE_INVALID", message: expect.stringContaining(file) }),
  );
});
