/** Commands of berth killed in the middle, and what must hold afterwards. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { verbs } from "../../src/commands/verbs.ts";
import { run } from "../../src/run.ts";
import { layoutOf } from "../../src/store/layout.ts";
import { collectingWorld } from "./cli.ts";
import { callsOf, type KillOptions, killAt } from "./kill-points.ts";
import { listingOf } from "./listing-of.ts";

const main = join(import.meta.dirname, "berth-main.ts");

/** `npm run test:long`: every point, not a sample. */
export const isLong = process.env["BERTH_LONG"] === "1";

/** A command under test: on `base`, an offline tree, which is copied for each run and never changed. */
export interface Subject {
  base: string;
  argv: string[];
  /** What must hold after a kill in the copy, up to the point that everything is as after an undisturbed run. */
  check(dir: string): Promise<void>;
}

export interface Killed {
  /** Calls of an undisturbed run. */
  calls: number;
  /** Points at which it was killed, and those at which it had ended before. */
  killed: number;
  late: number;
}

/** Runs the command once to its end, then kills it at the points that `choose` names of those that there are. */
export async function killAtPoints(
  { base, argv, check }: Subject,
  choose: (length: number) => number[],
): Promise<Killed> {
  const calls = await inCopy(base, (dir) => callsOf(argvOf(dir, argv), optionsOf(dir)));
  const result: Killed = { calls: calls.length, killed: 0, late: 0 };
  for (const n of choose(calls.length)) {
    await inCopy(base, async (dir) => {
      const outcome = await killAt(argvOf(dir, argv), { ...optionsOf(dir), n });
      if (outcome.killed) result.killed++;
      else result.late++;
      const at = outcome.calls.at(-1);
      try {
        await check(dir);
      } catch (error) {
        throw new Error(`killed at call ${n} of ${calls.length}: ${at?.call} ${at?.path}`, { cause: error });
      }
    });
  }
  return result;
}

/**
 * What is on the disk below `dir`, without what differs from run to run: locks (files that stay), the record of when and where something
 * was made.
 */
export function stateOf(dir: string): string[] {
  return listingOf(dir)
    .filter((line) => !/^\/\S*\/(store\/lock|\.lock\/\S+) /.test(line))
    .map((line) =>
      /^\S+\/(info|activated|images\/[0-9a-f]+\.json) /.test(line) ? (line.split(" ")[0] ?? "") : line,
    );
}

/** What berth says in this process, on the tree `root`. */
export async function berthIn(
  root: string,
  ...argv: string[]
): Promise<{ status: number; stdout: string; stderr: string }> {
  const { world, stdout, stderr } = collectingWorld({ verbs, env: {} });
  const status = await run(["--quiet", "--json", "--root", root, ...argv], world);
  return { status, stdout: stdout(), stderr: stderr() };
}

/** The document of a command that must succeed. */
export async function documentOf<T>(root: string, ...argv: string[]): Promise<T> {
  const { status, stdout, stderr } = await berthIn(root, ...argv);
  if (status !== 0) throw new Error(`berth ${argv.join(" ")}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

/** `list` says of a container that a command left half done that it is interrupted, and of no other. @throws Error when it does not. */
export async function requireListed(root: string, name: string): Promise<void> {
  const { containers } = await documentOf<{ containers: { name: string; state: string }[] }>(root, "list");
  const isInterrupted = existsSync(layoutOf(join(root, "var/lib/berth")).journal(name));
  const state = containers.find((container) => container.name === name)?.state;
  const right = isInterrupted ? ["interrupted"] : ["unknown", undefined];
  if (!right.includes(state)) throw new Error(`${name} is listed as ${state}, interrupted: ${isInterrupted}`);
}

export async function inCopy<T>(base: string, use: (dir: string) => Promise<T>): Promise<T> {
  const parent = await mkdtemp(join(tmpdir(), "berth-crash-"));
  const dir = join(parent, "root");
  try {
    await execa("cp", ["-a", base, dir]); // hard links stay
    return await use(dir);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

function argvOf(dir: string, argv: string[]): string[] {
  return [process.execPath, main, "--root", dir, ...argv];
}

function optionsOf(dir: string): KillOptions {
  return { below: [dir] };
}

/** For who reads the run: seeds and counts. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
