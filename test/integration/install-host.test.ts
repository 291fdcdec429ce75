import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = join(import.meta.dirname, "../../scripts/install-host.mjs");
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-host-"));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function install(...words: string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [script, ...words], { encoding: "utf8" });
}

test("install-host makes a berth that starts with its own Node from its own files", () => {
  const prefix = join(root, "prefix");
  expect(install("--prefix", prefix)).toMatchObject({ status: 0, stderr: "" });
  const env = { PATH: "/nowhere" };
  expect(execFileSync(join(prefix, "bin/berth"), ["--version"], { encoding: "utf8", env })).toMatch(
    /^\d+\.\d+\.\d+\n$/,
  );
  expect(execFileSync(join(prefix, "bin/atomic"), ["--help"], { encoding: "utf8", env })).toContain(
    "Usage: atomic ",
  );
  const words = ["images", "--json", "--state", join(root, "state")];
  expect(JSON.parse(execFileSync(join(prefix, "bin/berth"), words, { encoding: "utf8", env }))).toMatchObject(
    { schema: 1 },
  );
});

test("install-host into a tree writes below it only, for everybody to read and its owner to write", () => {
  expect(install("--root", root)).toMatchObject({ status: 0, stderr: "" });
  const home = join(root, "usr/local/lib/berth");
  expect(readFileSync(join(home, "bin/berth.js"), "utf8")).toMatch(
    /^#!\/usr\/local\/lib\/berth\/bin\/node\n/,
  );
  for (const name of ["berth", "atomic"]) {
    expect(readlinkSync(join(root, "usr/local/bin", name))).toBe("../lib/berth/bin/berth.js");
  }
  const entries = readdirSync(home, { recursive: true, encoding: "utf8" }).map((name) =>
    lstatSync(join(home, name)),
  );
  expect(entries.filter(({ uid, mode }) => uid !== process.geteuid?.() || (mode & 0o022) !== 0)).toEqual([]);
  expect(statSync(join(home, ".compile-cache")).mode & 0o777).toBe(0o700);
  const packages = readdirSync(join(home, "node_modules"));
  expect(packages).toContain("koffi");
  for (const name of ["vitest", "typescript", "node"]) expect(packages).not.toContain(name);
});

test("install-host puts bash's completion where bash-completion looks for it", () => {
  expect(install("--root", root)).toMatchObject({ status: 0, stderr: "" });
  const path = join(root, "usr/local/share/bash-completion/completions/berth");
  expect(statSync(path).mode & 0o777).toBe(0o644);
  const words = ["-c", `. '${path}' && complete -p berth`];
  expect(execFileSync("bash", words, { encoding: "utf8" })).toBe("complete -F _berth berth\n");
  const other = ["-c", `. '${path.replace(/berth$/, "atomic")}' && complete -p atomic`];
  expect(execFileSync("bash", other, { encoding: "utf8" })).toBe("complete -F _atomic atomic\n");
});

test("install-host again takes the place of the old one and leaves nothing of it", () => {
  install("--root", root);
  const stale = join(root, "usr/local/lib/berth/dist/stale.js");
  writeFileSync(stale, "");
  chmodSync(stale, 0o600);
  mkdirSync(join(root, "usr/local/lib/berth.new"));
  expect(install("--root", root)).toMatchObject({ status: 0, stderr: "" });
  expect(existsSync(stale)).toBe(false);
  expect(readdirSync(join(root, "usr/local/lib"))).toEqual(["berth"]);
  expect(readdirSync(join(root, "usr/local/bin"))).toEqual(["atomic", "berth"]);
  expect(readdirSync(join(root, "usr/local/share/bash-completion/completions"))).toEqual(["atomic", "berth"]);
});

test.each<[situation: string, prepare: () => void, reason: RegExp]>([
  [
    "another program is called atomic",
    () => writeFileSync(join(root, "usr/local/bin/atomic"), "#!/bin/sh\n"),
    /usr\/local\/bin\/atomic is another program/,
  ],
  [
    "berth leads to another program",
    () => symlinkSync("/opt/berth/berth", join(root, "usr/local/bin/berth")),
    /leads to \/opt\/berth\/berth/,
  ],
  [
    "something else is where it would go",
    () => mkdirSync(join(root, "usr/local/lib/berth"), { recursive: true }),
    /is not an installed berth/,
  ],
  [
    "the tree leads out of itself",
    () => symlinkSync("/var", join(root, "usr/local/lib")),
    /usr\/local\/lib leads out of/,
  ],
])("install-host refuses where %s, and changes nothing", (_, prepare, reason) => {
  mkdirSync(join(root, "usr/local/bin"), { recursive: true });
  prepare();
  const before = readdirSync(join(root, "usr"), { recursive: true });
  expect(install("--root", root)).toMatchObject({ status: 1, stderr: expect.stringMatching(reason) });
  expect(readdirSync(join(root, "usr"), { recursive: true })).toEqual(before);
});
