/** bin/berth.js: which Node runs berth, and where compiled code is kept. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let home: string;
let first: string;

/** An installed berth whose command tells where it is; `end N`, `wait` and `die` do what they say. */
const COMMAND = `
const { getCompileCacheDir } = require("node:module");
exports.main = () => {
  const [word, status] = process.argv.slice(2);
  if (word === "end") process.exit(Number(status));
  if (word === "die") process.kill(process.pid, "SIGKILL");
  if (word === "wait") {
    process.on("SIGTERM", () => process.exit(130));
    setInterval(() => {}, 1000);
  }
  console.log(JSON.stringify({ cache: getCompileCacheDir() ?? null, called: process.argv[1], words: process.argv.slice(2) }));
};
`;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "berth-first-"));
  cpSync(join(import.meta.dirname, "../../bin"), join(home, "bin"), { recursive: true });
  mkdirSync(join(home, "dist/bundle"), { recursive: true });
  writeFileSync(join(home, "dist/bundle/cli.cjs"), COMMAND);
  first = join(home, "bin/berth.js");
});

afterEach(() => {
  rmSync(home, { recursive: true });
});

function start(...words: string[]): { cache: string | null } {
  const { stdout, stderr } = spawnSync(process.execPath, [first, ...words], { encoding: "utf8" });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

describe("compile cache", () => {
  const cache = (): string => join(home, ".compile-cache");

  test("lies beside the code, for its owner only, and is used again", () => {
    expect(start().cache).toContain(cache());
    expect(statSync(cache()).mode & 0o7777).toBe(0o700);
    const [version = ""] = readdirSync(cache());
    const before = readdirSync(join(cache(), version));
    expect(before.length).toBeGreaterThan(0);
    expect(start().cache).toContain(cache());
    expect(readdirSync(join(cache(), version))).toEqual(before);
  });

  test.each<[situation: string, spoil: () => void]>([
    ["its group can write to it", () => chmodSync(cache(), 0o770)],
    ["everybody can write to it", () => chmodSync(cache(), 0o1777)],
    ["another user owns it", () => chownSync(cache(), 12345, 12345)],
    [
      "it is a symlink",
      () => {
        renameSync(cache(), `${cache()}.real`);
        symlinkSync(`${cache()}.real`, cache());
      },
    ],
    [
      "it is a file",
      () => {
        rmSync(cache(), { recursive: true });
        writeFileSync(cache(), "");
      },
    ],
  ])("is not used where %s", (_, spoil) => {
    start();
    spoil();
    expect(start().cache).toBeNull();
  });
});

describe("under an older Node", () => {
  let preload: string;

  beforeEach(() => {
    preload = join(home, "older.cjs");
    const text = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.0.0" } });`;
    writeFileSync(preload, text);
  });

  function installNode(): void {
    writeFileSync(join(home, "bin/node"), `#!/bin/sh\nexec ${process.execPath} "$@"\n`, { mode: 0o755 });
  }

  function startOlder(...words: string[]): {
    status: number | null;
    signal: string | null;
    stdout: string;
    stderr: string;
  } {
    return spawnSync(process.execPath, ["--require", preload, ...words], { encoding: "utf8" });
  }

  test("berth restarts with its own, under the name it was called by, and keeps its words and status", () => {
    installNode();
    const link = join(home, "atomic");
    symlinkSync(first, link);
    const { stdout } = startOlder(link, "list", "a b");
    expect(JSON.parse(stdout)).toMatchObject({ called: link, words: ["list", "a b"] });
    expect(startOlder(first, "end", "7").status).toBe(7);
  });

  test("berth passes signals on, and dies of the one that its command died of", async () => {
    installNode();
    const child = spawn(process.execPath, ["--require", preload, first, "wait"]);
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([130, null]);
    expect(startOlder(first, "die").signal).toBe("SIGKILL");
  });

  test("berth without a Node of its own says which it needs", () => {
    expect(startOlder(first, "list")).toMatchObject({
      status: 1,
      stdout: "",
      stderr: expect.stringMatching(/^berth: needs Node 24 or newer, .*\nhint: run `npm ci` in .*\n$/),
    });
  });
});
