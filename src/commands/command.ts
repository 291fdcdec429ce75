/**
 * What a verb is. Its declaration is light data (verbs.ts), loaded at every start; its handler is the module
 * `commands/VERB.ts`, loaded for the verb that runs. A handler returns data and prints nothing: `--json` prints the
 * result itself (with `"schema": 1`), people see `view(result)`.
 */
import type { Config } from "../config.ts";
import type { Code } from "../errors.ts";
import type { Report } from "../events.ts";
import type { Personality, View } from "../view.ts";

/** Options that every verb takes, before or after it. */
export interface GlobalOptions {
  root?: string;
  state?: string;
  config?: string;
  json: boolean;
  progress?: "json";
  quiet: boolean;
  debug: boolean;
  /** Answer yes to every question. */
  yes: boolean;
}

/** What a handler gets beside its own arguments and options. */
export interface Context {
  readonly config: Config;
  readonly globals: GlobalOptions;
  readonly personality: Personality;
  /** All that this program has. */
  readonly verbs: readonly Verb[];
  /** Aborted on SIGINT and SIGTERM: undo, then throw INTERRUPTED (or whatever error the abort gave; the status is 130). */
  readonly signal: AbortSignal;
  readonly report: Report;
}

/**
 * What `commands/VERB.ts` exports. The types of options and result are the module's own (options: options.ts).
 * A result is an object of plain data (JSON). `run` of a stream (`logs --follow`) is an async generator: each item is
 * printed as it comes, as one line of JSON with `--json`.
 */
export interface Handler {
  run(context: Context, args: string[], options: never): Promise<object> | AsyncIterable<object>;
  /** Pure. */
  view(result: never): View;
  /** What `--json` prints, where that is not the result itself. */
  document?(result: never): object | undefined;
  /** Of a result that is not a plain success, such as `status` of a stopped service. Default 0. */
  exitStatus?(result: never): number;
}

export interface OptionSpec {
  /** As commander writes it: `-n, --name <name>`, `--no-start`. */
  flags: string;
  description: string;
  /** What the value becomes; default `text`. `list` and `pairs` (K=V) may be repeated and default to empty. */
  kind?: "text" | "list" | "pairs" | "number" | "boolean";
  choices?: readonly string[];
  default?: string | number | boolean;
  hidden?: boolean;
}

export interface Verb {
  name: string;
  aliases?: readonly string[];
  /** One line, without a full stop. */
  summary: string;
  /** As commander writes them: `<image>`, `[names...]`. */
  arguments: readonly string[];
  options: readonly OptionSpec[];
  /** All after the first operand is taken as it is typed, whatever it looks like. */
  operandsAsTyped?: boolean;
  /** At least one; shown by `--help`. */
  examples: readonly { command: string; text: string }[];
  /** Exit statuses of this verb's own, by error code. */
  exitStatuses?: Partial<Record<Code, number>>;
  /** `--quiet` asks for names alone, in place of a document. */
  quietBeatsJson?: boolean;
  load(): Promise<Handler>;
}
