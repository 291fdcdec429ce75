import type { Machine, RunResult } from "./machine.ts";

/**
 * Runs a command in the machine and sends it a signal once `unit` is starting (ActiveState activating), however long that
 * takes; the status is as a shell counts it. A command that ends before has its own.
 */
export function signalWhenStarting(
  lab: Machine,
  argv: readonly string[],
  { unit, signal }: { unit: string; signal: "KILL" | "INT" | "TERM" | "HUP" },
): Promise<RunResult> {
  return lab.run(["bash", "-c", SCRIPT, "signal-when-starting", unit, signal, ...argv]);
}

/** With job control, since a command in the background of a script ignores SIGINT. */
const SCRIPT = `
set -m
unit=$1 signal=$2; shift 2
"$@" &
until [ "$(systemctl show "$unit" --property=ActiveState --value)" = activating ]; do
  kill -0 $! 2>/dev/null || break
  sleep 0.05
done
kill -s "$signal" $! 2>/dev/null
wait $!`;
