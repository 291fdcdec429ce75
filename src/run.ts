/** One command of berth from its words to its exit status; every effect on the outside is handed in. */
import { statSync } from "node:fs";
import type { Context, Handler, Verb } from "./commands/command.ts";
import { withSpellings } from "./commands/spellings.ts";
import { verbs as allVerbs } from "./commands/verbs.ts";
import { loadConfig } from "./config.ts";
import { exitStatus, Failure, INTERRUPTED, isFailure } from "./errors.ts";
import { createOutput, type Output } from "./output/output.ts";
import type { Sink } from "./output/reporter.ts";
import type { Invocation } from "./program.ts";
import type { Personality } from "./view.ts";

export interface World {
  stdout: Sink;
  stderr: Sink;
  env: NodeJS.ProcessEnv;
  /** Aborted when the command should undo what it began and end. */
  signal: AbortSignal;
  personality: Personality;
  /** Told which verb runs, before it does. */
  onVerb?(name: string): void;
  /** Default: those of berth. */
  verbs?: readonly Verb[] | undefined;
}

type Call = Exclude<Invocation, { text: string }>;

/** Runs the command that `argv` (without node and script) says and gives its exit status. An error is printed, not thrown. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  const { personality, signal } = world;
  let output = createOutput({ ...world, ...askedFor(argv) });
  let call: Call | undefined;
  try {
    const { parseCommandLine } = await import("./program.ts");
    const verbs = await withSpellings(world.verbs ?? allVerbs, { argv, personality });
    const invocation = parseCommandLine(argv, { verbs, personality });
    if ("text" in invocation) {
      output.text(invocation.text);
      return 0;
    }
    call = invocation;
    world.onVerb?.(call.verb.name);
    const json = call.globals.json && !(call.verb.quietBeatsJson === true && call.globals.quiet);
    output = createOutput({ ...world, ...call.globals, json });
    return await runVerb(call, { ...world, verbs }, output);
  } catch (thrown) {
    const error = signal.aborted && isInterruption(thrown, signal) ? interruption(thrown) : thrown;
    output.failure(error);
    return (isFailure(error) ? call?.verb.exitStatuses?.[error.code] : undefined) ?? exitStatus(error);
  }
}

async function runVerb(
  call: Call,
  { env, signal, personality, verbs }: World & { verbs: readonly Verb[] },
  output: Output,
): Promise<number> {
  const { verb, args, options, globals } = call;
  const config = await loadConfig(globals, env);
  refuseMissingRoot(config.root);
  const handler = await verb.load();
  const context: Context = { config, globals, personality, verbs, signal, report: output.report };
  const outcome = handler.run(context, args, options as never);
  if (Symbol.asyncIterator in outcome) return printStream(outcome, handler, { output, signal });
  const tell = (): void => output.report({ type: "warning", message: "interrupted: undoing what was begun" });
  signal.addEventListener("abort", tell);
  const result = (await outcome.finally(() => signal.removeEventListener("abort", tell))) as never;
  output.result(result, () => handler.view(result), handler.document?.(result));
  return handler.exitStatus?.(result) ?? 0;
}

/** Without it a slip in --root would be a host on which nothing is installed. */
function refuseMissingRoot(root: string): void {
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new Failure("USAGE", `the tree ${root} is no directory`, {
    hint: "correct --root or BERTH_ROOT, or make the directory first",
  });
}

/** An interrupt is the usual end of a stream. */
async function printStream(
  stream: AsyncIterable<object>,
  handler: Handler,
  { output, signal }: { output: Output; signal: AbortSignal },
): Promise<number> {
  try {
    for await (const item of stream) output.item(item, () => handler.view(item as never));
    return signal.aborted ? INTERRUPTED : 0;
  } catch (error) {
    if (signal.aborted && isInterruption(error, signal)) return INTERRUPTED;
    throw error;
  }
}

/** What the words ask of the output, read before they are understood: an error in them is printed that way too. */
function askedFor(argv: readonly string[]): { json: boolean; quiet: boolean; debug: boolean } {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv : argv.slice(0, end);
  return { json: words.includes("--json"), quiet: false, debug: words.includes("--debug") };
}

/** Whether `error` is what an aborted signal leads to, perhaps wrapped on the way. */
function isInterruption(error: unknown, signal: AbortSignal): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at === signal.reason || at.name === "AbortError" || isFailure(at, "INTERRUPTED")) return true;
  }
  return false;
}

/** An error that an interrupt led to, with its code; what was being done is still told. */
function interruption(error: unknown): Failure {
  if (isFailure(error, "INTERRUPTED")) return error;
  if (!isFailure(error)) return new Failure("INTERRUPTED", "interrupted", { cause: error });
  return new Failure("INTERRUPTED", error.message, { cause: error.cause });
}
