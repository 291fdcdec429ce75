import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig, parseConfigFile } from "../../src/config.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-config-"));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function writeConfig(text: string): string {
  mkdirSync(join(root, "etc/berth"), { recursive: true });
  const path = join(root, "etc/berth/berth.toml");
  writeFileSync(path, text);
  return path;
}

test("loadConfig() of a tree without a file gives the defaults, below the tree", async () => {
  expect(await loadConfig({ root }, {})).toEqual({
    root,
    state: `${root}/var/lib/berth`,
    unitDirectory: `${root}/etc/systemd/system`,
    tmpfilesDirectory: `${root}/etc/tmpfiles.d`,
    templatesDirectory: `${root}/etc/berth/templates`,
    runtime: undefined,
    keep: 2,
    hostAccess: "allow",
    additionalStores: [],
    keepBlobs: false,
    preUpdate: undefined,
  });
});

test("loadConfig() takes every key of the tree's file, its paths below the tree", async () => {
  writeConfig(`
    state = "/srv/berth"
    unit_directory = "/usr/lib/systemd/system"
    runtime = "crun"
    keep = 5
    host_access = "refuse"
  `);
  expect(await loadConfig({ root }, {})).toMatchObject({
    state: `${root}/srv/berth`,
    unitDirectory: `${root}/usr/lib/systemd/system`,
    runtime: "crun",
    keep: 5,
    hostAccess: "refuse",
    additionalStores: [],
  });
});

test("loadConfig() takes the environment before the file, and flags before both", async () => {
  writeConfig('state = "/srv/berth"');
  const env = { BERTH_ROOT: root, BERTH_STATE: "/from/env" };
  expect(await loadConfig({}, env)).toMatchObject({ root, state: "/from/env" });
  expect(await loadConfig({ state: "/from/flag" }, env)).toMatchObject({ root, state: "/from/flag" });
  expect(await loadConfig({ root: "/other", config: join(root, "etc/berth/berth.toml") }, env)).toMatchObject(
    {
      root: "/other",
      state: "/from/env",
    },
  );
});

test("loadConfig() does not put --state below --root, and makes both absolute", async () => {
  expect(await loadConfig({ root: "tree", state: "state" }, {})).toMatchObject({
    root: join(process.cwd(), "tree"),
    state: join(process.cwd(), "state"),
  });
});

test("loadConfig() takes empty variables as not set", async () => {
  const config = await loadConfig({ root }, { BERTH_ROOT: "", BERTH_STATE: "", BERTH_CONFIG: "" });
  expect(config.state).toBe(`${root}/var/lib/berth`);
});

test.each([["flag"], ["variable"]])(
  "loadConfig() fails when the file that a %s names is not there",
  async (by) => {
    const path = join(root, "none.toml");
    const loading =
      by === "flag" ? loadConfig({ root, config: path }, {}) : loadConfig({ root }, { BERTH_CONFIG: path });
    await expect(loading).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(path),
    });
  },
);

test("loadConfig() fails when the file cannot be read", async () => {
  mkdirSync(join(root, "etc/berth/berth.toml"), { recursive: true });
  await expect(loadConfig({ root }, {})).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

test.each([
  ["an unknown key", "keeep = 2", 'unknown key "keeep"'],
  ["a table", "[registries]\nx = 1", 'unknown key "registries"'],
  ["a key of every object", "toString = 1", 'unknown key "toString"'],
  ["a relative path", 'state = "berth"', "state must be an absolute path"],
  ["a path that is a number", "unit_directory = 1", "unit_directory must be an absolute path"],
  ["an empty runtime", 'runtime = ""', "runtime must be the name of a runtime"],
  ["to keep none", "keep = 0", "keep must be a number of at least 1"],
  ["to keep a half", "keep = 1.5", "keep must be a number of at least 1"],
  ["another host access", 'host_access = "maybe"', 'host_access must be "allow" or "refuse"'],
  ["no TOML", "keep = 2\nstate = /srv", "line 2: "],
])("parseConfigFile() refuses %s, naming the file", async (_, text, reason) => {
  await expect(parseConfigFile(text, "/etc/berth/berth.toml")).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(new RegExp(`^/etc/berth/berth\\.toml.*${reason}`)),
  });
});
