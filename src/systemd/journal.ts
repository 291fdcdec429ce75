/** The log of a unit, by journalctl. */
import { createInterface } from "node:readline";
import { Failure } from "../errors.ts";
import { runTool, TOOL_ENVIRONMENT } from "./run-tool.ts";

export interface LinesOptions {
  /** Only what was logged from this time on. */
  since?: Date | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * The last `n` lines of a unit's log, oldest first, as `journalctl --unit` prints them: with time and program, what does not
 * print as `[N B blob data]`. Empty when there are none. NO_SYSTEMD without journalctl, JOB_FAILED with what it says.
 */
export async function lastLines(
  unit: string,
  n: number,
  { since, signal }: LinesOptions = {},
): Promise<string[]> {
  // What a service wrote just before it died may still be on its way; without a journald to ask there is nothing to wait for.
  await runTool("journalctl", ["--sync"], { signal });
  // With --since alone, --lines counts from that time on, up to systemd 254: the first lines instead of the last.
  const args = [
    ...linesArgs(unit, n),
    ...(since === undefined ? [] : [`--since=@${since.getTime() / 1000}`, "--reverse"]),
  ];
  const { exitCode, stdout, stderr } = await runTool("journalctl", args, { signal });
  if (exitCode !== 0 && !/^No journal files were found/m.test(stderr)) {
    throw new Failure("JOB_FAILED", `journalctl cannot show the log of ${unit}: ${stderr.trim()}`);
  }
  const lines = stdout === "" ? [] : stdout.split("\n");
  return since === undefined ? lines : oldestFirst(lines);
}

/** Of entries, newest first, whose further lines are indented. */
function oldestFirst(lines: readonly string[]): string[] {
  const entries: string[][] = [];
  for (const line of lines) {
    if (line.startsWith(" ")) entries.at(-1)?.push(line);
    else entries.push([line]);
  }
  return entries.reverse().flat();
}

/** The last `lines` lines of a unit's log and then each new one, until the signal aborts; ends then without an error. */
export async function* followLines(
  unit: string,
  { lines, signal }: { lines: number; signal?: AbortSignal | undefined },
): AsyncGenerator<string> {
  const { execa } = await import("execa");
  const journalctl = execa("journalctl", [...linesArgs(unit, lines), "--follow"], {
    stdin: "ignore",
    buffer: false,
    reject: false,
    env: TOOL_ENVIRONMENT,
    ...(signal && { cancelSignal: signal }),
  });
  try {
    yield* createInterface({ input: journalctl.stdout });
  } finally {
    // journalctl follows for ever: it ends when the reader has enough.
    journalctl.kill();
  }
  const { isCanceled, exitCode, code } = await journalctl;
  if (isCanceled || exitCode === 0) return;
  if (code === "ENOENT") throw new Failure("NO_SYSTEMD", "journalctl is not installed");
  throw new Failure("JOB_FAILED", `journalctl ended while it followed the log of ${unit}`);
}

function linesArgs(unit: string, n: number): string[] {
  return [`--unit=${unit}`, `--lines=${n}`, "--no-pager", "--quiet", "--output=short"];
}
