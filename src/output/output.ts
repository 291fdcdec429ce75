/** The only writer: the result goes to stdout, everything else to stderr. */
import type { Report } from "../events.ts";
import type { Personality, View } from "../view.ts";
import { drawView } from "./draw-view.ts";
import { errorJson, errorText } from "./error-text.ts";
import { escapeJson } from "./escape.ts";
import {
  jsonReporter,
  plainReporter,
  type Reporter,
  type Sink,
  silentReporter,
  terminalReporter,
} from "./reporter.ts";

export interface OutputOptions {
  stdout: Sink;
  stderr: Sink;
  env: NodeJS.ProcessEnv;
  json: boolean;
  progress?: "json" | undefined;
  quiet: boolean;
  debug: boolean;
  personality?: Personality | undefined;
}

export interface Output {
  report: Report;
  /** The result of a command: with `--json` the document, by default the result with a schema; else its view. */
  result(result: object, view: () => View, document?: object): void;
  /** One of a stream of results: a document a line with `--json`. */
  item(result: object, view: () => View): void;
  /** Text of berth's own, such as the help. */
  text(text: string): void;
  failure(error: unknown): void;
}

/** The version of every document that `--json` prints. */
const SCHEMA = 1;

export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, json, debug, personality = "berth" } = options;
  const reporter = chooseReporter(options);
  const write = (sink: Sink, text: string): void => {
    reporter.clear();
    if (text !== "") sink.write(text);
  };
  const print = (document: object, view: () => View, indent?: number): void => {
    write(stdout, json ? `${escapeJson(document, indent)}\n` : drawView(view(), drawing(options)));
  };
  return {
    report: reporter.report,
    result: (result, view, document) => print(document ?? { schema: SCHEMA, ...result }, view, 2),
    item: (result, view) => print({ schema: SCHEMA, ...result }, view),
    text: (text) => write(stdout, text),
    failure: (error) =>
      write(stderr, json ? `${errorJson(error)}\n` : errorText(error, { debug, personality })),
  };
}

function chooseReporter({ stderr, env, json, progress, quiet }: OutputOptions): Reporter {
  if (progress === "json") return jsonReporter(stderr);
  if (quiet) return silentReporter();
  return isScreen(stderr, env) ? terminalReporter(stderr) : plainReporter(stderr, { json });
}

function drawing({ stdout, env }: OutputOptions): { width: number | undefined; color: boolean; now: number } {
  const screen = isScreen(stdout, env);
  return {
    width: stdout.isTTY === true ? stdout.columns || undefined : undefined,
    color: screen && (env["NO_COLOR"] ?? "") === "",
    now: Date.now(),
  };
}

/** A terminal that knows escape sequences. */
function isScreen(sink: Sink, env: NodeJS.ProcessEnv): boolean {
  return sink.isTTY === true && env["TERM"] !== "dumb";
}
