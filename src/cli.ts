/** The command `berth`: the only file that touches the arguments, the exit status and the signals of the process. */
import { basename } from "node:path";
import type { Verb } from "./commands/command.ts";
import { Failure, INTERRUPTED, isErrno } from "./errors.ts";
import { readVersion } from "./version.ts";
import type { Personality } from "./view.ts";

/** Each undoes what was begun; a closed terminal says SIGHUP. */
const INTERRUPTS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

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
  const received: number[] = [];
  // Said once is enough, and said twice changes nothing: what was begun is undone to its end.
  for (const name of INTERRUPTS) {
    process.on(name, (_: NodeJS.Signals, number: number) => {
      received.push(number);
      abort();
    });
  }
  process.on("uncaughtException", (error) => void crash(error, argv));
  process.stdout.on("error", (error) => {
    // Nobody reads it any more: the pipe or the terminal is closed.
    if (isErrno(error, "EPIPE") || isErrno(error, "EIO")) abort();
    else void crash(new Error("cannot write the result", { cause: error }), argv);
  });
  process.stderr.on("error", () => {}); // nowhere is left to tell it

  const { run } = await import("./run.ts");
  const { stdout, stderr, env } = process;
  // What `ps` and the holder of a lock are called by: arguments may hold a secret.
  const onVerb = (name: string): void => {
    process.title = `${personality()} ${name}`;
  };
  const status = await run(argv, {
    stdout,
    stderr,
    env,
    signal: interrupt.signal,
    personality: personality(),
    onVerb,
    verbs,
  });
  const [first] = received;
  process.exitCode = status === INTERRUPTED && first !== undefined ? 128 + first : status;
}

/** Ends the process with an error that no command could tell. */
async function crash(error: Error, argv: readonly string[]): Promise<void> {
  const { errorJson, errorText } = await import("./output/error-text.ts");
  const text = argv.includes("--json")
    ? `${errorJson(error)}\n`
    : errorText(error, { debug: argv.includes("--debug"), personality: personality() });
  process.stderr.write(text, () => process.exit(1));
}
