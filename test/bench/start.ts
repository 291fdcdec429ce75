/**
 * `npm run bench:start`: how long a service takes from the beginning of its start to ready, under each runtime, in a booted
 * machine: what systemd itself notes of it, medians beside each other.
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
say("\n| runtime | median | fastest | slowest | target |\n|---|---|---|---|---|");
for (const [runtime, times] of samples) {
  const sorted = times.toSorted((a, b) => a - b);
  const [median, fastest, slowest] = [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)].map(milliseconds);
  const target = TARGETS[runtime] ?? Number.NaN;
  const aim = Number.isNaN(target) ? "" : `${target} ms`;
  say(`| ${runtime} | ${median} | ${fastest} | ${slowest} | ${aim} |`);
}

/** Round after round all runtimes take turns, so that what disturbs one disturbs all. Microseconds. */
async function measure(machine: Machine, rounds: number): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(Object.keys(TARGETS).map((runtime) => [runtime, []]));
  for (const runtime of times.keys()) {
    await machine.output(["berth", "install", image, "--name", `at-${runtime}`, "--runtime", runtime]);
    await machine.output(["systemctl", "stop", `at-${runtime}`]);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [runtime, list] of times) list.push(await start(machine, `at-${runtime}`));
  }
  return times;
}

async function start(machine: Machine, unit: string): Promise<number> {
  await machine.output(["systemctl", "start", unit]);
  const properties = ["InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"];
  const shown = await machine.output(["systemctl", "show", unit, "--value", `--property=${properties}`]);
  await machine.output(["systemctl", "stop", unit]);
  await machine.output(["systemctl", "reset-failed", unit]);
  const [a = 0, b = 0] = shown.split("\n").filter(Boolean).map(Number);
  return Math.abs(a - b);
}

function milliseconds(us = 0): string {
  return `${(us / 1000).toFixed(1)} ms`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
