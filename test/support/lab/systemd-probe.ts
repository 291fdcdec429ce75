/**
 * Runs inside a machine: makes calls of src/systemd there and prints what came of them. Standard input is a Probe as JSON,
 * standard output a list of Outcomes; 64-bit integers are strings.
 */
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { isFailure } from "../../../src/errors.ts";
import { lastLines } from "../../../src/systemd/journal.ts";
import { type ConnectOptions, connectSystemd, type Systemd } from "../../../src/systemd/systemd.ts";

type Method = Exclude<keyof Systemd, "close"> | "lastLines";
export type ProbeCall = [method: Method, ...args: unknown[]];

export interface Probe {
  options?: ConnectOptions;
  calls: ProbeCall[];
  /** All at a time, instead of one after the other. */
  parallel?: boolean;
}

export type Outcome = { value: unknown } | { code: string; message: string };

async function main(): Promise<void> {
  const { options, calls, parallel } = JSON.parse(await text(process.stdin)) as Probe;
  const systemd = await connectSystemd(options);
  const outcomes: Outcome[] = [];
  if (parallel === true) outcomes.push(...(await Promise.all(calls.map((call) => outcome(systemd, call)))));
  else for (const call of calls) outcomes.push(await outcome(systemd, call));
  systemd.close();
  process.stdout.write(
    JSON.stringify(outcomes, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value)),
  );
}

async function outcome(systemd: Systemd, [method, ...args]: ProbeCall): Promise<Outcome> {
  const run = method === "lastLines" ? lastLines : systemd[method].bind(systemd);
  try {
    return { value: await (run as (...all: unknown[]) => Promise<unknown>)(...args) };
  } catch (error) {
    if (isFailure(error)) return { code: error.code, message: error.message };
    throw error;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
