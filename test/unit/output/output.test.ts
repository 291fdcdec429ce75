import { expect, test } from "vitest";
import { Failure } from "../../../src/errors.ts";
import { createOutput, type OutputOptions } from "../../../src/output/output.ts";
import { line, table } from "../../../src/view.ts";
import { collectingSink } from "../../support/cli.ts";

function outputTo(options: Partial<OutputOptions> & { terminal?: boolean } = {}): {
  output: ReturnType<typeof createOutput>;
  stdout(): string;
  stderr(): string;
} {
  const { terminal = false, ...more } = options;
  const screen = terminal ? { isTTY: true, columns: 40 } : {};
  const [stdout, stderr] = [collectingSink(screen), collectingSink(screen)];
  const modes = { json: false, quiet: false, debug: false };
  const output = createOutput({ stdout, stderr, env: { TERM: "xterm" }, ...modes, ...more });
  return { output, stdout: stdout.text, stderr: stderr.text };
}

const view = () => [line({ text: "up", tone: "good" })];

test("result() is the view without a terminal in plain text", () => {
  const { output, stdout } = outputTo();
  output.result({ state: "up" }, view);
  expect(stdout()).toBe("up\n");
});

test.each<[situation: string, env: NodeJS.ProcessEnv, text: string]>([
  ["is coloured", { TERM: "xterm" }, "\x1b[32mup\x1b[0m\n"],
  ["is coloured with an empty NO_COLOR", { TERM: "xterm", NO_COLOR: "" }, "\x1b[32mup\x1b[0m\n"],
  ["is plain with NO_COLOR", { TERM: "xterm", NO_COLOR: "1" }, "up\n"],
  ["is plain where the terminal knows no colours", { TERM: "dumb" }, "up\n"],
])("result() on a terminal %s", (_, env, text) => {
  const { output, stdout } = outputTo({ terminal: true, env });
  output.result({}, view);
  expect(stdout()).toBe(text);
});

test("result() is cut to the width of a terminal, and whole without one", () => {
  const long = () => [table([{ title: "NAME", elastic: true }], [["x".repeat(60)]])];
  const onScreen = outputTo({ terminal: true, env: { TERM: "dumb" } });
  onScreen.output.result({}, long);
  expect(onScreen.stdout().split("\n")[1]).toHaveLength(40);
  const piped = outputTo();
  piped.output.result({}, long);
  expect(piped.stdout().split("\n")[1]).toHaveLength(60);
});

test("result() on a terminal that does not know its width is whole", () => {
  const stdout = collectingSink({ isTTY: true, columns: 0 });
  const modes = { json: false, quiet: false, debug: false };
  const output = createOutput({ stdout, stderr: stdout, env: { NO_COLOR: "1" }, ...modes });
  output.report({ type: "step", step: "start", name: "etcd" });
  output.result({}, () => [table([{ title: "NAME", elastic: true }], [["x".repeat(60)]])]);
  expect(stdout.text()).toContain("start etcd\n");
  expect(stdout.text()).toContain(`${"x".repeat(60)}\n`);
});

test("result() with JSON is one document with its schema, and no view is made", () => {
  const { output, stdout } = outputTo({ json: true, terminal: true });
  output.result({ containers: [{ name: "etcd" }] }, () => {
    throw new Error("not needed");
  });
  expect(JSON.parse(stdout())).toEqual({ schema: 1, containers: [{ name: "etcd" }] });
});

test("item() with JSON is one line", () => {
  const { output, stdout } = outputTo({ json: true });
  output.item({ line: "a\nb" }, view);
  output.item({ line: "c" }, view);
  expect(stdout()).toBe('{"schema":1,"line":"a\\nb"}\n{"schema":1,"line":"c"}\n');
});

test("failure() goes to stderr and leaves stdout empty", () => {
  const { output, stdout, stderr } = outputTo({ json: true });
  output.failure(new Failure("BUSY", "etcd is busy"));
  expect(stdout()).toBe("");
  expect(stderr()).toBe('{"error":{"code":"BUSY","message":"etcd is busy","hint":null,"causes":[]}}\n');
});

test.each<[situation: string, options: Parameters<typeof outputTo>[0], text: string]>([
  ["on a terminal is drawn", { terminal: true }, "start etcd\n"],
  ["without a terminal is silent", {}, ""],
  ["on a terminal without movement is silent", { terminal: true, env: { TERM: "dumb" } }, ""],
  ["on a terminal with -q is silent", { terminal: true, quiet: true }, ""],
  ["as JSON is a line", { progress: "json" }, '{"type":"step","step":"start","name":"etcd"}\n'],
  [
    "as JSON is a line in spite of -q",
    { progress: "json", quiet: true },
    '{"type":"step","step":"start","name":"etcd"}\n',
  ],
])("report() %s", (_, options, text) => {
  const { output, stderr, stdout } = outputTo(options);
  output.report({ type: "step", step: "start", name: "etcd" });
  expect(stderr()).toBe(text);
  expect(stdout()).toBe("");
});

test("result() takes the progress off the screen first", () => {
  const { output, stderr } = outputTo({ terminal: true });
  output.report({ type: "step", step: "start", name: "etcd" });
  output.result({}, view);
  expect(stderr()).toBe("start etcd\n\x1b[1A\x1b[J");
});
