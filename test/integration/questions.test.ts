/** What is asked at a terminal before something goes that others need. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { documentOf } from "../support/crash.ts";
import { makeImage, writeLayout } from "../support/images.ts";
import { atTerminal, type Session } from "../support/terminal.ts";

const main = join(import.meta.dirname, "../support/berth-main.ts");
const NAME = "example.com/team/app:1";
const QUESTION = "Go on? [y/N] ";
let dir: string;
let root: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-questions-"));
  root = join(dir, "root");
  await mkdir(root);
  const files = { "bin/tool": { content: "tool", mode: 0o755 }, "data/first": "from the image" };
  const image = await makeImage({
    layers: [files],
    config: { Entrypoint: ["/bin/tool"], Volumes: { "/data": {} } },
  });
  await writeLayout(join(dir, "layout"), { app: image });
  await documentOf(root, "pull", `oci:${join(dir, "layout")}:app`, "--as", NAME);
  const install = ["install", NAME, "--runtime", "systemd"];
  await documentOf(root, ...install, "--name", "base");
  await documentOf(root, ...install, "--name", "web", "--requires", "base");
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const type = (typed: string, ...words: string[]): Promise<Session> =>
  atTerminal([process.execPath, main, "--root", root, ...words], [[QUESTION, typed]]);

async function installed(): Promise<string[]> {
  const { containers } = await documentOf<{ containers: { name: string }[] }>(root, "list");
  return containers.map(({ name }) => name);
}

const state = (): boolean => existsSync(join(root, "var/lib/base/data/first"));

describe("uninstall of what another container requires", () => {
  test.each([
    ["n", "n\n"],
    ["nothing", "\n"],
    ["anything else", "yeah\n"],
    ["the end of input", "\u0004"],
  ])("asks, and %s leaves everything", async (_, typed) => {
    const { shown, status } = await type(typed, "uninstall", "base", "--purge");
    expect(shown).toContain(`web.service requires base: it stops now and cannot start without. ${QUESTION}`);
    expect(shown).toContain("nothing was done");
    expect(status).toBe(1);
    expect(await installed()).toEqual(["base", "web"]);
    expect(state()).toBe(true);
  });

  test.each(["y\n", "Yes\n"])("%j removes it", async (typed) => {
    const { shown, status } = await type(typed, "uninstall", "base");
    expect(shown).toContain(" is uninstalled");
    expect(status).toBe(0);
    expect(await installed()).toEqual(["web"]);
    expect(state()).toBe(true);
  });

  test("y with --purge takes the state too", async () => {
    expect(await type("y\n", "uninstall", "base", "--purge")).toMatchObject({ status: 0 });
    expect(await installed()).toEqual(["web"]);
    expect(state()).toBe(false);
  });

  test("Ctrl-C at the question ends it, and leaves everything", async () => {
    const { status } = await type("\u0003", "uninstall", "base", "--purge");
    expect(status).toBe(130);
    expect(await installed()).toEqual(["base", "web"]);
    expect(state()).toBe(true);
  });

  test.each([[["base", "web"]], [["base", "--yes"]], [["web"]]])(
    "uninstall %j asks nothing",
    async (words) => {
      const { shown, status } = await type("", "uninstall", ...words);
      expect(shown).not.toContain(QUESTION);
      expect(status).toBe(0);
    },
  );

  test("where nobody can be asked it is refused", async () => {
    const argv = ["--wait", process.execPath, main, "--root", root, "--json", "uninstall", "base"];
    const { status, stderr } = spawnSync("setsid", argv, { encoding: "utf8" });
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "REQUIRED" } });
    expect(await installed()).toEqual(["base", "web"]);
  });
});
