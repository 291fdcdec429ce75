/**
 * Everything that `npm test` runs once the set-up is done: the checks, the unit and integration projects, and the system project in a booted
 * machine. Goes on after a failure, so that one run shows them all. Arguments go to vitest: `npm test -- etcd` runs the test files
 * whose names hold `etcd`.
 *
 * BERTH_REQUIRE=system: a skipped test fails, and so does a host that cannot boot the machine.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { isErrno } from "../src/errors.ts";
import { type BootedMachine, bootMachine, CannotBoot } from "../test/support/lab/boot.ts";
import { startRegistry } from "../test/support/lab/registry.ts";
import { interruption } from "../test/support/lab/tool.ts";
import type { Counts, Summary } from "../test/support/summary-reporter.ts";

const isLong = process.env["BERTH_LONG"] === "1";
const required = process.env["BERTH_REQUIRE"] === "system";
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => interruption.abort());

const checks: readonly (readonly [string, ...string[]])[] = [
  ["tsc", "-p", "."],
  ["biome", "check"],
  ["oxlint", "--type-aware"],
  ["knip"],
];

process.exitCode = await main(process.argv.slice(2));

async function main(filters: string[]): Promise<number> {
  const started = Date.now();
  const failures: string[] = [];
  const summary: Summary = {};
  for (const [command, ...args] of checks) {
    if (!(await runs(command, args))) failures.push(command);
  }
  if (!(await runVitest(["unit", "integration"], { filters, summary })))
    failures.push("unit and integration tests");
  const reason = await runSystemProject({ filters, summary, failures });
  for (const [name, { skipped }] of Object.entries(summary)) {
    if (required && skipped > 0)
      failures.push(`${skipped} skipped in ${name} (BERTH_REQUIRE=system allows none)`);
  }
  if (reason !== undefined && required) failures.push("system tests (BERTH_REQUIRE=system)");
  print(describe(summary, { failures, reason, seconds: Math.round((Date.now() - started) / 1000) }));
  if (interruption.signal.aborted) return 130;
  return failures.length === 0 ? 0 : 1;
}

interface Run {
  filters: string[];
  summary: Summary;
}

/** Resolves to the plain reason why the project was left out, if it was. */
async function runSystemProject({
  filters,
  summary,
  failures,
}: Run & { failures: string[] }): Promise<string | undefined> {
  if (interruption.signal.aborted) return "interrupted";
  print(
    "\nbooting a machine for the system tests (a Debian tree and images are made the first time: a minute)",
  );
  let booted: BootedMachine;
  try {
    booted = await bootMachine();
  } catch (error) {
    if (error instanceof CannotBoot) return error.message;
    throw error;
  }
  // These tests wait more than they work: two machines side by side are done in little more than half the time.
  const half = (shard: string, env: Record<string, string> = {}): Promise<boolean> =>
    runVitest(["system"], { filters, summary, env, more: [`--shard=${shard}`], label: `system ${shard}` });
  const first = async (): Promise<boolean> => {
    try {
      await startRegistry(booted.machine);
      return await half("1/2", { BERTH_MACHINE: booted.machine.dir });
    } finally {
      await booted.stop();
    }
  };
  const halves = await Promise.all([first(), half("2/2")]);
  if (halves.includes(false)) failures.push("system tests");
  if (!(await runVitest(["system-13"], { filters, summary }))) failures.push("system tests on Debian 13");
  if (isLong && !(await runVitest(["vm"], { filters, summary }))) failures.push("tests in a virtual machine");
  return undefined;
}

interface VitestRun extends Run {
  env?: Record<string, string>;
  more?: string[];
  /** What its lines begin with, where another run prints at the same time. */
  label?: string;
}

async function runVitest(
  projects: string[],
  { filters, summary, env = {}, more = [], label }: VitestRun,
): Promise<boolean> {
  const dir = await mkdtemp(join(tmpdir(), "berth-test-"));
  const file = join(dir, "summary.json");
  try {
    const selected = projects.flatMap((name) => ["--project", name]);
    const args = ["run", "--passWithNoTests", ...selected, ...more, ...filters];
    const passed = await runs("vitest", args, { env: { ...env, BERTH_SUMMARY: file }, label });
    add(summary, await readSummary(file));
    return passed;
  } finally {
    await rm(dir, { recursive: true });
  }
}

function add(summary: Summary, more: Summary): void {
  for (const [name, counts] of Object.entries(more)) {
    summary[name] ??= { passed: 0, failed: 0, skipped: 0 };
    const sum = summary[name];
    for (const key of ["passed", "failed", "skipped"] as const) sum[key] += counts[key];
  }
}

/** Empty where vitest ended before it could write one. */
async function readSummary(file: string): Promise<Summary> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Summary;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return {};
    throw error;
  }
}

/** Runs a command on this terminal; whether it ended well. After Ctrl-C, nothing more is run. */
async function runs(
  command: string,
  args: readonly string[],
  { env = {}, label }: { env?: Record<string, string>; label?: string | undefined } = {},
): Promise<boolean> {
  if (interruption.signal.aborted) return false;
  print(`\n$ ${[command, ...args].join(" ")}`);
  const labelled = async function* (line: unknown): AsyncGenerator<string> {
    yield `[${label}] ${String(line)}`;
  };
  const stream = label === undefined ? ("inherit" as const) : [labelled, "inherit" as const];
  const options = {
    stdin: "inherit",
    stdout: stream,
    stderr: stream,
    reject: false,
    preferLocal: true,
    env,
    cancelSignal: interruption.signal,
  } as const;
  const { failed } = await execa(command, args, options);
  return !failed;
}

function describe(
  summary: Summary,
  { failures, reason, seconds }: { failures: string[]; reason: string | undefined; seconds: number },
): string {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const lines = Object.entries(summary).map(([name, counts]) => {
    for (const key of ["passed", "failed", "skipped"] as const) total[key] += counts[key];
    return `${name}: ${counted(counts)}`;
  });
  if (reason !== undefined) lines.push(`system: left out: ${reason}`);
  if (failures.length > 0) lines.push(`failed: ${failures.join(", ")}`);
  return ["", `npm test took ${seconds} s`, ...lines, counted(total)].join("\n");
}

function counted({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
