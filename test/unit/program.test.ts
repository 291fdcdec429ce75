import { expect, test } from "vitest";
import { verbs } from "../../src/commands/verbs.ts";
import { createProgram, type Invocation, parseCommandLine } from "../../src/program.ts";
import { testVerbs } from "../support/cli.ts";

const parse = (words: string): Invocation =>
  parseCommandLine(words === "" ? [] : words.split(" "), { verbs: testVerbs, personality: "berth" });

const GLOBALS = { json: false, quiet: false, debug: false, yes: false };
const OPTIONS = { list: [], set: {}, count: 7, dryRun: false, start: true };

test.each<[words: string, args: string[], options: object, globals: object]>([
  ["echo", [], {}, {}],
  ["say one two", ["one", "two"], {}, {}],
  ["echo -n x --name y", [], { name: "y" }, {}],
  ["echo --list a --list=b", [], { list: ["a", "b"] }, {}],
  ["echo --set A=1 --set B=x=y --set A=2 --set C=", [], { set: { A: "2", B: "x=y", C: "" } }, {}],
  ["echo --count 12", [], { count: 12 }, {}],
  ["echo --tls false", [], { tls: false }, {}],
  ["echo --tls=true", [], { tls: true }, {}],
  ["echo --dry-run --no-start", [], { dryRun: true, start: false }, {}],
  ["echo --notify", [], { notify: true }, {}],
  ["echo --no-notify", [], { notify: false }, {}],
  ["echo -- --json", ["--json"], {}, {}],
  ["--root /r echo --state s one --json", ["one"], {}, { root: "/r", state: "s", json: true }],
  [
    "echo one -q -y --debug --progress json",
    ["one"],
    {},
    { quiet: true, yes: true, debug: true, progress: "json" },
  ],
  ["--config c --json echo", [], {}, { config: "c", json: true }],
])("parseCommandLine() of `%s`", (words, args, options, globals) => {
  const invocation = parse(words);
  expect(invocation).toMatchObject({ verb: { name: "echo" }, args });
  expect(invocation).toHaveProperty("options", { ...OPTIONS, ...options });
  expect(invocation).toHaveProperty("globals", { ...GLOBALS, ...globals });
});

test("parseCommandLine() keeps a name of --set that every object has", () => {
  const { options } = parse("echo --set __proto__=1") as { options: Record<string, object> };
  expect(Object.entries(options["set"] ?? {})).toEqual([["__proto__", "1"]]);
});

test.each([
  ["", "which verb?", "see `berth --help`"],
  ["--json", "which verb?", "see `berth --help`"],
  ["ecko", "unknown command 'ecko'", "did you mean echo? (see `berth --help`)"],
  ["ecko --help", "unknown command 'ecko'", "did you mean echo? (see `berth --help`)"],
  ["help ecko", "unknown command 'ecko'", "did you mean echo? (see `berth --help`)"],
  ["rm x", "unknown command 'rm'", "did you mean uninstall? (see `berth --help`)"],
  ["echo --nam x", "unknown option '--nam'", "did you mean --name? (see `berth echo --help`)"],
  ["echo --jsn", "unknown option '--jsn'", "did you mean --json? (see `berth echo --help`)"],
  ["say --name", "option '-n, --name <name>' argument missing", "see `berth say --help`"],
  ["wait x", "too many arguments for 'wait'. Expected 0 arguments but got 1: x.", "see `berth wait --help`"],
  ["echo --set A", "option '--set <name=value>' argument 'A' is invalid. It must be NAME=VALUE.", undefined],
  [
    "echo --set =A",
    "option '--set <name=value>' argument '=A' is invalid. It must be NAME=VALUE.",
    undefined,
  ],
  [
    "echo --count 1x",
    "option '--count <count>' argument '1x' is invalid. It must be a whole number.",
    undefined,
  ],
  ["echo --tls no", "option '--tls <bool>' argument 'no' is invalid. It must be true or false.", undefined],
  [
    "echo --progress bar",
    "option '--progress <format>' argument 'bar' is invalid. Allowed choices are json.",
    undefined,
  ],
])("parseCommandLine() of `%s` is a mistake that is explained", (words, message, hint) => {
  const details = hint === undefined ? { message } : { message, hint };
  expect(() => parse(words)).toThrow(expect.objectContaining({ code: "USAGE", ...details }));
});

test.each([["--help"], ["-h"], ["help"]])(
  "parseCommandLine() of `%s` is the help, with every verb",
  (words) => {
    const { text } = parse(words) as { text: string };
    for (const { name, summary } of testVerbs)
      expect(text).toMatch(new RegExp(`^  ${name}\\b.* {2,}${summary}$`, "m"));
  },
);

test.each([["echo --help"], ["echo one -h"], ["help echo"], ["--json echo --help"]])(
  "parseCommandLine() of `%s` is the help of the verb, with its options, the global ones and an example",
  (words) => {
    const { text } = parse(words) as { text: string };
    expect(text).toContain("Usage: berth echo|say [options] [words...]");
    expect(text).toMatch(/^ {2}-n, --name <name> +text$/m);
    expect(text).toMatch(/^ {2}--root <dir> /m);
    expect(text).toContain("  berth echo\n      an example of echo\n");
    expect(text).not.toMatch(/default: (\[\]|false|\{\})/);
  },
);

test("parseCommandLine() as atomic names itself so", () => {
  const { text } = parseCommandLine(["--help"], { verbs: testVerbs, personality: "atomic" }) as {
    text: string;
  };
  expect(text).toMatch(/^Usage: atomic /);
});

test.each([["--version"], ["-V"], ["echo --version"]])(
  "parseCommandLine() of `%s` is the version",
  (words) => {
    expect(parse(words)).toEqual({ text: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  },
);

test("createProgram() takes every verb of berth, each with an example and a summary without a full stop", () => {
  const program = createProgram({ verbs, personality: "berth", write: () => {}, invoke: () => {} });
  expect(program.commands.map((command) => command.name())).toEqual(verbs.map(({ name }) => name));
  for (const { name, summary, examples } of verbs) {
    expect(summary).toMatch(/[^.]$/);
    expect(examples.length).toBeGreaterThan(0);
    for (const { command } of examples) {
      const [berth, ...words] = command.split(" ");
      expect(berth).toBe("berth");
      expect(parseCommandLine(words, { verbs, personality: "berth" })).toMatchObject({ verb: { name } });
    }
  }
});

test.each(verbs.map((verb) => [verb.name, verb] as const))("verb %s has a handler", async (_, verb) => {
  const handler = await verb.load();
  expect(handler.run).toBeTypeOf("function");
  expect(handler.view).toBeTypeOf("function");
});

test.each([
  [["run", "x", "ls", "-l", "--json"], ["x", "ls", "-l", "--json"], false],
  [["--json", "run", "x", "ls", "--help"], ["x", "ls", "--help"], true],
  [["run", "--json", "x", "--", "-l"], ["x", "-l"], true],
  [["--state", "run", "run", "x", "sh", "--", "a"], ["x", "sh", "--", "a"], false],
  [["run", "x"], ["x"], false],
])("parseCommandLine(%j) leaves to a command what is behind its container", (argv, args, json) => {
  const call = parseCommandLine(argv, { verbs, personality: "berth" });
  if ("text" in call) throw new Error(call.text);
  expect([call.verb.name, call.args, call.globals.json]).toEqual(["run", args, json]);
});
