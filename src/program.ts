/** The commander program, built from the declarations of the verbs: from the words of a command to what they ask for. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { GlobalOptions, OptionSpec, Verb } from "./commands/command.ts";
import { globals as GLOBALS } from "./commands/globals.ts";
import { Failure } from "./errors.ts";
import { readVersion } from "./version.ts";
import type { Personality } from "./view.ts";

export type Invocation =
  | { verb: Verb; args: string[]; options: Record<string, unknown>; globals: GlobalOptions }
  /** Help, or the version: to be printed, and that is all. */
  | { text: string };

/** What `typed` (the words without node and script) asks for. USAGE, with what may have been meant. */
export function parseCommandLine(
  typed: readonly string[],
  { verbs, personality }: { verbs: readonly Verb[]; personality: Personality },
): Invocation {
  const argv = joinVerb(typed, verbs);
  const members = membersOf(argv, verbs);
  if (members !== undefined) return groupHelp(argv, members);
  let text = "";
  let invocation: Invocation | undefined;
  const program = createProgram({
    verbs: neededVerbs(argv, verbs),
    globals: GLOBALS.filter((spec) => !isOverridden(spec, argv, verbs)),
    personality,
    write: (more) => {
      text += more;
    },
    invoke: (found) => {
      invocation = found;
    },
  });
  try {
    const strange = strangeVerbOf(argv, verbs);
    const words = strange === undefined ? flagsApart(operandsApart(argv, verbs), verbs) : [strange];
    program.parse(words, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0 || text === "") throw usageFailure(error, { program, argv });
    return { text };
  }
  if (invocation === undefined) throw new Error(`commander called no action for ${argv.join(" ")}`);
  return invocation;
}

/** `containers list`: two words that name one verb become one, also after `help`. */
function joinVerb(argv: readonly string[], verbs: readonly Verb[]): readonly string[] {
  const first = firstOperand(argv);
  const at = argv[first] === "help" ? first + 1 : first;
  const name = `${argv[at]} ${argv[at + 1]}`;
  const isVerb = verbs.some((verb) => verb.name === name || verb.aliases?.includes(name));
  return isVerb ? [...argv.slice(0, at), name, ...argv.slice(at + 2)] : argv;
}

/** The verbs whose first word stands alone in `argv`, as `containers` does; undefined where it is a verb itself, or none. */
function membersOf(argv: readonly string[], verbs: readonly Verb[]): Verb[] | undefined {
  const word = argv[firstOperand(argv)];
  if (verbs.some(({ name, aliases = [] }) => [name, ...aliases].includes(word ?? ""))) return undefined;
  const members = verbs.filter(({ name }) => name.startsWith(`${word} `));
  return members.length === 0 ? undefined : members;
}

function groupHelp(argv: readonly string[], members: readonly Verb[]): Invocation {
  if (argv.includes("--help") || argv.includes("-h"))
    return { text: members.map(({ name, summary }) => `${name.padEnd(20)} ${summary}\n`).join("") };
  const names = members.map(({ name }) => name);
  throw new Failure("USAGE", `${argv[firstOperand(argv)]} is not a verb alone`, {
    hint: `which of ${names.join(", ")}?`,
  });
}

/** The word whose help is asked for and that is no verb: commander would print the help of the whole program. */
function strangeVerbOf(argv: readonly string[], verbs: readonly Verb[]): string | undefined {
  const first = firstOperand(argv);
  const at = argv[first] === "help" ? first + 1 : first;
  const word = argv[at];
  const isAsked = at > first || argv.includes("--help") || argv.includes("-h");
  if (!isAsked || first === -1 || word === undefined || word.startsWith("-")) return undefined;
  return verbs.some(({ name, aliases = [] }) => [name, ...aliases].includes(word)) ? undefined : word;
}

/** Where the first word stands that is no option and no option's value. */
function firstOperand(argv: readonly string[]): number {
  return argv.findIndex((_, at) => isOperand(argv, at, GLOBALS));
}

function isOperand(argv: readonly string[], at: number, specs: readonly OptionSpec[]): boolean {
  const before = argv[at - 1] ?? "";
  const taken = specs.some(({ flags }) => {
    const option = new Option(flags);
    return option.required && (option.short === before || option.long === before);
  });
  return argv[at]?.startsWith("-") !== true && !taken;
}

/** Those that the words name, since the others take time to declare; all where help, or a hint, should know them. */
function neededVerbs(argv: readonly string[], verbs: readonly Verb[]): readonly Verb[] {
  if (argv.some((word) => ["-h", "--help", "help"].includes(word))) return verbs;
  const named = verbs.filter(({ name, aliases = [] }) =>
    [name, ...aliases].some((word) => argv.includes(word)),
  );
  return named.length === 0 ? verbs : named;
}

/** Whether a verb has an option of the same name, and `argv` means that one: it stands after the verb. */
function isOverridden({ flags }: OptionSpec, argv: readonly string[], verbs: readonly Verb[]): boolean {
  const long = longOf(flags);
  const at = argv.indexOf(long);
  return verbs.some(
    ({ name, options }) =>
      argv.slice(0, Math.max(at, 0)).includes(name) && options.some((own) => longOf(own.flags) === long),
  );
}

function longOf(flags: string): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}

/** `run NAME ls -l`: what follows the first operand of such a verb is kept from being read as options, by a `--` before it. */
function operandsApart(argv: readonly string[], verbs: readonly Verb[]): readonly string[] {
  const verbAt = firstOperand(argv);
  const verb = verbs.find(({ name }) => name === argv[verbAt]);
  if (verb?.operandsAsTyped !== true) return argv;
  const at = argv.findIndex(
    (word, index) =>
      word === "--" || (index > verbAt && isOperand(argv, index, [...GLOBALS, ...verb.options])),
  );
  if (at === -1 || argv[at] === "--" || argv[at + 1] === "--") return argv;
  return [...argv.slice(0, at + 1), "--", ...argv.slice(at + 1)];
}

/** `-aq`, where one flag is the verb's and the other is for every verb, as `-a -q`: commander asks one of the two for both. */
function flagsApart(argv: readonly string[], verbs: readonly Verb[]): readonly string[] {
  const verb = verbs.find(({ name, aliases = [] }) =>
    [name, ...aliases].includes(argv[firstOperand(argv)] ?? ""),
  );
  const flags = new Set(
    [...GLOBALS, ...(verb?.options ?? [])].flatMap((spec) => {
      const { short, required } = new Option(spec.flags);
      return short === undefined || required ? [] : [short];
    }),
  );
  const end = argv.indexOf("--");
  return argv.flatMap((word, at) => {
    const apart = /^-[A-Za-z]{2,}$/.test(word) ? [...word.slice(1)].map((letter) => `-${letter}`) : [];
    const isApart = apart.length > 0 && (end === -1 || at < end) && apart.every((flag) => flags.has(flag));
    return isApart ? apart : [word];
  });
}

interface ProgramOptions {
  verbs: readonly Verb[];
  /** Options before and after every verb; default all. */
  globals?: readonly OptionSpec[];
  personality: Personality;
  /** Gets the help and the version. */
  write(text: string): void;
  invoke(invocation: Invocation): void;
}

/** The whole program; parsing calls `write` or `invoke`, or throws commander's error. */
export function createProgram({
  verbs,
  globals: specs = GLOBALS,
  personality,
  write,
  invoke,
}: ProgramOptions): Command {
  const program = new Command(personality)
    .description("Install OCI images as systemd services.")
    .version(readVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [verb]", "print the help of a verb")
    .configureOutput({ writeOut: write, writeErr: () => {}, outputError: () => {} })
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  for (const spec of specs) program.addOption(createOption(spec, personality));
  for (const verb of verbs) {
    const command = createVerb(program, { verb, personality });
    command.action(() => {
      const options = { ...defaultsOf(verb.options), ...command.opts() };
      const { assumeyes, ...given } = program.opts();
      const globals = {
        ...defaultsOf(GLOBALS.filter(({ hidden }) => hidden !== true)),
        ...given,
      } as GlobalOptions;
      if (assumeyes === true) globals.yes = true;
      invoke({ verb, args: command.args, options, globals });
    });
  }
  program.addHelpText("after", `\nA verb's own help, with examples: ${personality} VERB --help`);
  return program;
}

function createVerb(
  program: Command,
  { verb, personality }: { verb: Verb; personality: Personality },
): Command {
  // Not program.command(), which takes all after the first word of a name for arguments.
  const command = program.createCommand(verb.name).copyInheritedSettings(program).description(verb.summary);
  program.addCommand(command);
  for (const alias of verb.aliases ?? []) command.alias(alias);
  for (const argument of verb.arguments) command.argument(argument);
  for (const spec of verb.options) command.addOption(createOption(spec, personality));
  const examples = verb.examples.map(({ command: words, text }) => `  ${words}\n      ${text}`);
  return command.addHelpText("after", `\nExamples:\n${examples.join("\n")}`);
}

function createOption(
  { flags, description, kind, choices, default: value, hidden }: OptionSpec,
  personality: Personality,
): Option {
  const option = new Option(flags, description);
  if (value !== undefined) option.default(value);
  if (choices !== undefined) option.choices(choices);
  if (hidden === true) option.hideHelp();
  if (kind === "pairs" && personality === "atomic") option.argParser(parseAtomicPair);
  else if (kind !== undefined && kind !== "text") option.argParser(PARSERS[kind]);
  return option;
}

/** By kind: the value of an option from its text and, where it may be repeated, its value so far. */
const PARSERS: Record<
  Exclude<OptionSpec["kind"], "text" | undefined>,
  (text: string, before: unknown) => unknown
> = {
  list: (text, before) => [...((before as string[] | undefined) ?? []), text],
  pairs: (text, before) => {
    const at = text.indexOf("=");
    if (at < 1) throw new InvalidArgumentError("It must be NAME=VALUE.");
    return { ...(before as object | undefined), [text.slice(0, at)]: text.slice(at + 1) };
  },
  number: (text) => {
    if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
    return Number(text);
  },
  boolean: (text) => {
    if (text !== "true" && text !== "false") throw new InvalidArgumentError("It must be true or false.");
    return text === "true";
  },
};

function parseAtomicPair(text: string, before: unknown): unknown {
  if (text.indexOf("=") >= 1) return PARSERS.pairs(text, before);
  throw new Failure("USAGE", `Invalid value '${text}'.  Expected form NAME=VALUE`);
}

/**
 * Values of the options that were not given: no elements, no pairs, and false for a flag that has no `--no-` form.
 * Not commander's defaults, since its help would print them.
 */
function defaultsOf(specs: readonly OptionSpec[]): Record<string, unknown> {
  const defaults: Record<string, unknown> = {};
  for (const spec of specs) {
    const option = new Option(spec.flags);
    const name = option.attributeName();
    if (spec.kind === "list") defaults[name] = [];
    else if (spec.kind === "pairs") defaults[name] = {};
    else if (option.isBoolean() && !specs.some(({ flags }) => flags === `--no-${option.name()}`)) {
      defaults[name] = false;
    }
  }
  return defaults;
}

/** Commander's error as ours: its suggestion becomes the hint. */
function usageFailure(
  error: CommanderError,
  { program, argv }: { program: Command; argv: readonly string[] },
): Failure {
  const names = program.commands.flatMap((command) => [command.name(), ...command.aliases()]);
  const called = argv.find((word) => names.includes(word));
  // As `atomic`, the last line of every such error says where the help is.
  const see = `see \`${program.name()} ${called === undefined ? "" : `${called} `}--help\``;
  const help = program.name() === "atomic" ? undefined : see;
  if (error.code === "commander.help") return new Failure("USAGE", "which verb?", { hint: help });
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split(/\n\((Did you mean .*)\)$/);
  const meant = program.name() === "berth" ? elsewhereOf(message) : undefined;
  if (meant !== undefined) return new Failure("USAGE", message, { hint: `did you mean ${meant}? (${see})` });
  const hint = suggestion === undefined ? help : `${suggestion.replace("Did", "did")} (${see})`;
  return new Failure("USAGE", message, { hint });
}

/** What a word of other programs is called here; its spelling alone would suggest another verb. */
function elsewhereOf(message: string): string | undefined {
  const [, word = ""] = /^unknown command '(.*)'$/.exec(message) ?? [];
  return new Map([
    ["rm", "uninstall"],
    ["remove", "uninstall"],
    ["ls", "list"],
    ["exec", "run"],
    ["info", "inspect"],
    ["show", "inspect"],
    ["upgrade", "update"],
  ]).get(word);
}
