/** The command `berth`: the only file that touches the arguments, the exit status and the signals of the process. */
import { basename } from "node:path";
import type { Verb } from "./commands/command.ts";
import { Failure, isErrno } from "./errors.ts";
import { readVersion } from "./version.ts";
import type { Personality } from "./view.ts";

/** Runs the command that this process was started for. `verbs`: others than berth's. */
export function main({ verbs }: { verbs?: readonly Verb[] } = {}): void {
  const argv = process.argv.slice(2);
  // The one answer that needs nothing else loaded. Atomic wrote it -v.
  const isVersion = ["--version", "-V", ...(personality() === "atomic" ? ["-v"] : [])].includes(
    argv[0] ?? "",
  );
  if (argv.length === 1 && isVersion) process.stdout.write(`${readVersion()}\n`);
  else void runCommand(argv, verbs);
}

function personality(): Personality {
  return basename(process.argv[1] ?? "") === "atomic" ? "atomic" : "berth";
}

async function runCommand(argv: readonly string[], verbs: readonly Verb[] | undefined): Promise<void> {
  const interrupt = new AbortController();
  const abort = (): void => interrupt.abort(new Failure("INTERRUPTED", "interrupted"));
  // Said once is enough, and said twice changes nothing: what was begun is undone to its end.
  process.on("SIGINT", abort);
  process.on("SIGTERM", abort);
  process.on("uncaughtException", (error) => void crash(error, argv));
  process.stdout.on("error", (error) => {
    if (isErrno(error, "EPIPE")) abort();
    else void crash(new Error("cannot write the result", { cause: error }), argv);
  });
  process.stderr.on("error", () => {}); // nowhere is left to tell it

  const { run } = await import("./run.ts");
  const { stdout, stderr, env } = process;
  // What `ps` and the holder of a lock are called by: arguments may hold a secret.
  const onVerb = (name: string): void => {
    process.title = `${personality()} ${name}`;
  };
  process.exitCode = await run(argv, {
    stdout,
    stderr,
    env,
    signal: interrupt.signal,
    personality: personality(),
    onVerb,
    verbs,
  });
}

/** Ends the process with an error that no command could tell. */
async function crash(error: Error, argv: readonly string[]): Promise<void> {
  const { errorJson, errorText } = await import("./output/error-text.ts");
  const text = argv.includes("--json")
    ? `${errorJson(error)}\n`
    : errorText(error, { debug: argv.includes("--debug"), personality: personality() });
  process.stderr.write(text, () => process.exit(1));
}
