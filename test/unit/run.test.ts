import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { run } from "../../src/run.ts";
import { collectingWorld, verbOf } from "../support/cli.ts";

test("run() prints the view of a result and ends with 0", async () => {
  const { world, stdout, stderr } = collectingWorld();
  expect(await run(["echo", "one", "two"], world)).toBe(0);
  expect(stdout()).toBe("WORD\none\ntwo\n");
  expect(stderr()).toBe("");
});

test("run() with --json prints the result, with what the handler was given", async () => {
  const { world, stdout } = collectingWorld({ env: { BERTH_STATE: "/s" }, personality: "atomic" });
  expect(await run(["echo", "one", "--name=x", "--json"], world)).toBe(0);
  expect(JSON.parse(stdout())).toMatchObject({
    schema: 1,
    args: ["one"],
    options: { name: "x" },
    globals: { json: true },
    personality: "atomic",
    state: "/s",
  });
});

test("run() ends with the status that the handler gives its result", async () => {
  expect(await run(["echo", "three"], collectingWorld().world)).toBe(3);
});

test.each<[words: string, status: number, stderr: string]>([
  [
    "fail",
    1,
    "berth: cannot pull etcd\n  connect ECONNREFUSED\n  \\x1b[31mport 5000\nhint: start the registry\n",
  ],
  [
    "fail gone",
    4,
    "berth: cannot pull etcd\n  connect ECONNREFUSED\n  \\x1b[31mport 5000\nhint: start the registry\n",
  ],
  ["fail bug", 1, "berth: unexpected error: x is not a function\n"],
  ["fial", 2, "berth: unknown command 'fial'\nhint: did you mean fail? (see `berth --help`)\n"],
  [
    "fail --json",
    1,
    '{"error":{"code":"REGISTRY_UNREACHABLE","message":"cannot pull etcd","hint":"start the registry","causes":["connect ECONNREFUSED","\\u001b[31mport 5000"]}}\n',
  ],
  [
    "echo --json --bad",
    2,
    `{"error":{"code":"USAGE","message":"unknown option '--bad'","hint":"see \`berth echo --help\`","causes":[]}}\n`,
  ],
  ["echo --bad -- --json", 2, "berth: unknown option '--bad'\nhint: see `berth echo --help`\n"],
  [
    "fail bug --json",
    1,
    '{"error":{"code":"INTERNAL","message":"unexpected error: x is not a function","hint":null,"causes":[]}}\n',
  ],
])("run() of `%s` ends with %d and tells why on stderr only", async (words, status, text) => {
  const { world, stdout, stderr } = collectingWorld();
  expect(await run(words.split(" "), world)).toBe(status);
  expect(stdout()).toBe("");
  expect(stderr()).toBe(text);
});

test("run() of a bug with --debug shows where it is", async () => {
  const { world, stderr } = collectingWorld();
  await run(["fail", "bug", "--debug"], world);
  expect(stderr()).toMatch(/TypeError: x is not a function\n {4}at .*cli\.ts/);
});

test("run() with a configuration that is wrong fails before the verb", async () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-run-"));
  const config = join(directory, "berth.toml");
  writeFileSync(config, "kep = 1\n");
  const { world, stdout, stderr } = collectingWorld();
  expect(await run(["echo", "--config", config], world)).toBe(1);
  expect(stdout()).toBe("");
  expect(stderr()).toContain(`berth: ${config}: unknown key "kep"`);
  rmSync(directory, { recursive: true });
});

test("run() interrupted lets the handler undo, says so, and ends with 130", async () => {
  const interrupt = new AbortController();
  const { world, stderr } = collectingWorld({ signal: interrupt.signal });
  const running = run(["wait"], world);
  await expect.poll(stderr).toContain("waiting");
  interrupt.abort(new Failure("INTERRUPTED", "interrupted"));
  expect(await running).toBe(130);
  expect(stderr().split("\n").slice(1)).toEqual([
    "berth: warning: interrupted: undoing what was begun",
    "berth: warning: undone",
    "berth: cannot go on",
    "  interrupted",
    "",
  ]);
});

test("run() interrupted during another failure tells the failure", async () => {
  const interrupt = new AbortController();
  const full = verbOf("full", {
    async run() {
      interrupt.abort(new Failure("INTERRUPTED", "interrupted"));
      throw new Failure("NO_SPACE", "no space left in /var/lib/berth");
    },
    view: () => [],
  });
  const { world, stderr } = collectingWorld({ signal: interrupt.signal, verbs: [full] });
  expect(await run(["full"], world)).toBe(1);
  expect(stderr()).toContain("berth: no space left in /var/lib/berth\n");
});

test("run() of a stream prints item after item, and an interrupt is its end", async () => {
  const interrupt = new AbortController();
  const { world, stdout, stderr } = collectingWorld({ signal: interrupt.signal });
  const running = run(["stream", "--json"], world);
  await expect.poll(stdout).toContain('{"schema":1,"number":2}\n');
  interrupt.abort(new Failure("INTERRUPTED", "interrupted"));
  expect(await running).toBe(130);
  expect(stdout()).toMatch(/^{"schema":1,"number":0}\n{"schema":1,"number":1}\n/);
  expect(stderr()).toBe("");
});
