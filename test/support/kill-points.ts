/**
 * Kills a command at each of its state-changing system calls. `callsOf` lists them once; `killAt` runs the command again and kills it before the
 * n-th is done. No fault hooks in berth: what counts is what the kernel is asked to do.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StateCall, TracerAnswer, TracerOptions } from "./tracer-main.ts";

export type { StateCall };

export interface KillOptions {
  /** Only calls on files in these directories count. */
  below: string[];
  /** Whether what is written to sockets counts too. */
  sockets?: boolean;
}

export interface Outcome extends TracerAnswer {
  stdout: string;
  stderr: string;
}

/** Lists the state-changing calls of a command, in order. It must succeed. */
export async function callsOf(command: string[], options: KillOptions): Promise<StateCall[]> {
  const { calls, status, stderr } = await trace(command, options);
  if (status !== 0) throw new Error(`${command.join(" ")} ended with ${status}: ${stderr}`);
  return calls;
}

/** Kills the command before its n-th call, from 1; it may end before, since runs differ a little. */
export function killAt(command: string[], { n, ...options }: KillOptions & { n: number }): Promise<Outcome> {
  return trace(command, { ...options, killAt: n });
}

/** `count` numbers of 1 to `length`, at even distances, the first and the last among them. */
export function sample(length: number, count: number): number[] {
  if (count >= length) return Array.from({ length }, (_, at) => at + 1);
  return Array.from({ length: count }, (_, at) => 1 + Math.round((at * (length - 1)) / (count - 1)));
}

/** Numbers of 1 to `length`, drawn by a seed (mulberry32). */
export function draw(length: number, { count, seed }: { count: number; seed: number }): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return 1 + (((mixed ^ (mixed >>> 14)) >>> 0) % length);
  });
}

async function trace(command: string[], options: KillOptions & { killAt?: number }): Promise<Outcome> {
  const dir = await mkdtemp(join(tmpdir(), "berth-trace-"));
  const [answer, stdout, stderr] = ["answer", "stdout", "stderr"].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  try {
    const request: TracerOptions = { ...options, command, answer, stdout, stderr };
    const program = join(import.meta.dirname, "tracer-main.ts");
    const tracer = spawn(process.execPath, [program, JSON.stringify(request)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [status] = (await once(tracer, "exit")) as [number];
    if (status !== 0) throw new Error(`the tracer ended with ${status}`);
    return {
      ...(JSON.parse(await readFile(answer, "utf8")) as TracerAnswer),
      stdout: await readFile(stdout, "utf8"),
      stderr: await readFile(stderr, "utf8"),
    };
  } finally {
    await rm(dir, { recursive: true });
  }
}
