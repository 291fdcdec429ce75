/** The pages of docs/man say what the program does: every verb, option, argument and error code, and none that is not there. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Argument, Command, Option } from "commander";
import { expect, test } from "vitest";
import { ownVerbs } from "../../src/commands/atomic/own-verbs.ts";
import { spellings } from "../../src/commands/atomic/table.ts";
import { verbs } from "../../src/commands/verbs.ts";
import { createProgram } from "../../src/program.ts";

const project = join(import.meta.dirname, "../..");
const pages = join(project, "docs/man");
const program = createProgram({ verbs, personality: "berth", write: () => {}, invoke: () => {} });
const commands = program.commands.map((command) => [command.name(), command] as const);

const SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"];

/** Text by section; empty where there is no such page, so that a test names what it lacks. */
function readPage(name: string): Map<string, string> {
  const present = readdirSync(pages).includes(`${name}.8.md`);
  const text = present ? readFileSync(join(pages, `${name}.8.md`), "utf8") : "";
  const sections = text.split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => {
      const [title = "", ...lines] = section.split("\n");
      return [title, lines.join("\n").trim()];
    }),
  );
}

/** Of a list of options, as commander writes them: `-n, --name <name>`. */
function flagsIn(section = ""): string[] {
  const items = section.matchAll(/^- \*\*(-[^*]*)\*\*(?: \*(.+?)\*)?: /gm);
  return [...items].map(([, flags, value]) => (value === undefined ? `${flags}` : `${flags} <${value}>`));
}

function flagsOf(options: readonly Option[]): string[] {
  return options.filter(({ hidden }) => !hidden).map(({ flags }) => flags);
}

function synopsisOf(command: Command): string {
  const operand = (argument: Argument): string => {
    const name = `*${argument.name()}*${argument.variadic ? "..." : ""}`;
    return argument.required ? name : `[${name}]`;
  };
  const operands = command.registeredArguments.map(operand);
  const names = [command.name(), ...command.aliases()];
  return names.map((name) => [`**berth ${name}** [*options*]`, ...operands].join(" ")).join("\n\n");
}

test("docs/man has a page for berth, for atomic and for each verb, and no other", () => {
  const expected = ["atomic.8.md", "berth.8.md", ...commands.map(([name]) => `berth-${name}.8.md`)];
  expect(readdirSync(pages).sort()).toEqual(expected.sort());
});

test.each(commands)("the page of %s has its name, summary, synopsis and options", (name, command) => {
  const page = readPage(`berth-${name}`);
  expect([...page.keys()]).toEqual(SECTIONS);
  expect(page.get("NAME")).toBe(`berth-${name} - ${command.description()}`);
  expect(page.get("SYNOPSIS")).toBe(synopsisOf(command));
  expect(flagsIn(page.get("OPTIONS"))).toEqual(flagsOf(command.options));
});

test.each(verbs.map((verb) => [verb.name, verb] as const))(
  "the page of %s has the examples of its help",
  (name, { examples }) => {
    const shown = readPage(`berth-${name}`).get("EXAMPLES") ?? "";
    for (const { command } of examples) expect(shown.split("\n")).toContain(`    ${command}`);
  },
);

test("the page of berth has every verb with its summary", () => {
  const shown = readPage("berth").get("VERBS") ?? "";
  const rows = verbs.map(({ name, aliases = [], summary }) => {
    const links = [name, ...aliases].map((word) => `[${word}](berth-${name}.8.md)`);
    return `| ${links.join(", ")} | ${summary} |`;
  });
  expect(shown.split("\n").slice(2)).toEqual(rows);
});

test("the page of berth has the options of every verb", () => {
  const shown = flagsIn(readPage("berth").get("OPTIONS"));
  expect(shown).toEqual([
    ...flagsOf(program.options.filter(({ long }) => long !== "--version")),
    "-V, --version",
    "-h, --help",
  ]);
});

test("the page of atomic has every spelling of Atomic's, with its options", () => {
  const sections = (readPage("atomic").get("VERBS") ?? "").split(/^### /m).slice(1);
  const shown = sections.map((section) => {
    const [heading = ""] = section.split("\n");
    return {
      words: [...heading.matchAll(/\*\*(.+?)\*\*/g)].map(([, word]) => word),
      flags: flagsIn(section),
    };
  });
  const declared = [...spellings, ...ownVerbs].map(({ name, aliases = [], options }) => ({
    words: [name, ...aliases],
    flags: options.filter(({ hidden }) => hidden !== true).map(({ flags }) => flags),
  }));
  expect(shown).toEqual(declared);
});

test("the page of berth has every error code, and no other", () => {
  const source = readFileSync(join(project, "src/errors.ts"), "utf8");
  const codes = [...source.matchAll(/^ {2}\| "([A-Z_]+)"/gm)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(40);
  const shown = readPage("berth").get("ERRORS") ?? "";
  const named = [...shown.matchAll(/`([A-Z_]{4,})`/g)].map(([, code]) => code);
  expect([...new Set(named)].sort()).toEqual(codes.sort());
});

test.each(readdirSync(pages))("the links of %s lead to files", (file) => {
  const text = readFileSync(join(pages, file), "utf8");
  for (const [, target = ""] of text.matchAll(/\]\(([^):]+)\)/g))
    expect(() => readFileSync(join(pages, target)), target).not.toThrow();
});
