/**
 * `npm run bench:start`: how long a service takes from the beginning of its start to ready, under each runtime, in a booted
 * machine: what systemd itself notes of it, medians beside each other. Beside the time that passed stands the processor time of the
 * unit, which other work on the host lengthens less.
 *
 *   --rounds N          default 25
 *   --suite NAME        bookworm (default) or trixie
 */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bootMachine } from "../support/lab/boot.ts";
import type { Suite } from "../support/lab/debian.ts";
import type { Machine } from "../support/lab/machine.ts";
import { serverImages } from "../support/lab/server-images.ts";
import { interruption } from "../support/lab/tool.ts";

/** Milliseconds: what is aimed at. */
const TARGETS: Record<string, number> = { systemd: 10, crun: 25, runc: 50, chroot: Number.NaN };
const image = "bench/ready";

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => interruption.abort());
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "25" },
    suite: { type: "string", default: "bookworm" },
  },
});
await using booted = await bootMachine({ suite: values.suite as Suite });
const layout = join(booted.machine.dir, "var/ready");
await cp(join(await serverImages(), "ready"), layout, { recursive: true });
await booted.machine.output(["berth", "pull", "oci:/var/ready:latest", "--as", image]);
const samples = await measure(booted.machine, Number(values.rounds));
say((await booted.machine.output(["systemctl", "--version"])).split("\n")[0] ?? "");
say("\n| runtime | median | fastest | slowest | processor time | target |\n|---|---|---|---|---|---|");
for (const [runtime, starts] of samples) {
  const sorted = starts.map(({ passed }) => passed).toSorted((a, b) => a - b);
  const used = starts.map(({ processor }) => processor).toSorted((a, b) => a - b);
  const [median, fastest, slowest] = [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)].map(milliseconds);
  const target = TARGETS[runtime] ?? Number.NaN;
  const aim = Number.isNaN(target) ? "" : `${target} ms`;
  const processor = milliseconds(used[used.length >> 1]);
  say(`| ${runtime} | ${median} | ${fastest} | ${slowest} | ${processor} | ${aim} |`);
}

/** Microseconds. */
interface Start {
  passed: number;
  processor: number;
}

/** Round after round all runtimes take turns, so that what disturbs one disturbs all. */
async function measure(machine: Machine, rounds: number): Promise<Map<string, Start[]>> {
  const times = new Map<string, Start[]>(Object.keys(TARGETS).map((runtime) => [runtime, []]));
  for (const runtime of times.keys()) {
    await machine.output(["berth", "install", image, "--name", `at-${runtime}`, "--runtime", runtime]);
    await machine.output(["systemctl", "stop", `at-${runtime}`]);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [runtime, list] of times) list.push(await start(machine, `at-${runtime}`));
  }
  return times;
}

async function start(machine: Machine, unit: string): Promise<Start> {
  await machine.output(["systemctl", "start", unit]);
  const names = ["InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic", "CPUUsageNSec"];
  const shown = await machine.output(["systemctl", "show", unit, `--property=${names}`]);
  await machine.output(["systemctl", "stop", unit]);
  await machine.output(["systemctl", "reset-failed", unit]);
  const values = new Map(shown.split("\n").map((line) => line.split("=") as [string, string]));
  const [from = 0, to = 0, processor = 0] = names.map((name) => Number(values.get(name)));
  return { passed: to - from, processor: processor / 1000 };
}

function milliseconds(us = 0): string {
  return `${(us / 1000).toFixed(1)} ms`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
