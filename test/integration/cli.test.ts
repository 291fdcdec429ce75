/** The command as a process: status, signals and streams. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const main = join(import.meta.dirname, "../support/cli-main.ts");

function runCli(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...words], { encoding: "utf8" });
}

/** The shell's `$BERTH` is the command. */
function runShell(script: string): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, BERTH: `${process.execPath} ${main}` };
  return spawnSync("bash", ["-c", `set -o pipefail; ${script}`], { encoding: "utf8", env });
}

/** A command under way, once it has said `waiting`. */
async function startWaiting(): Promise<{ child: ChildProcess; stderr(): string; ended: Promise<unknown[]> }> {
  const child = spawn(process.execPath, [main, "wait"], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = once(child, "close");
  await expect.poll(() => stderr, { timeout: 10_000 }).toContain("waiting");
  return { child, stderr: () => stderr, ended };
}

test.each<[words: string[], status: number, stdout: string, stderr: string]>([
  [["echo", "one"], 0, "WORD\none\n", ""],
  [["echo", "three"], 3, "WORD\nthree\n", ""],
  [["--version"], 0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/), ""],
  [["-V"], 0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/), ""],
  [["eco"], 2, "", "berth: unknown command 'eco'\nhint: did you mean echo? (see `berth --help`)\n"],
  [["fail", "gone"], 4, "", expect.stringContaining("berth: cannot pull etcd\n")],
  [["fail", "crash"], 1, "", "berth: unexpected error: nobody waits for this\n"],
  [["fail", "crash", "--json"], 1, "", expect.stringMatching(/^{"error":{"code":"INTERNAL",.*}}\n$/)],
])("berth %j ends with status %d", (words, status, stdout, stderr) => {
  expect(runCli(...words)).toMatchObject({ status, stdout, stderr });
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("berth undoes on %s, once, and ends with %d", async (signal, status) => {
  const { child, stderr, ended } = await startWaiting();
  child.kill(signal);
  await expect.poll(stderr).toContain("interrupted");
  child.kill(signal);
  expect(await ended).toEqual([status, null]);
  expect(stderr().match(/undoing what was begun/g)).toHaveLength(1);
  expect(stderr().match(/undone/g)).toHaveLength(1);
});

test("berth shows its verb, and not its arguments, to who lists processes", async () => {
  const { child, ended } = await startWaiting();
  expect(readFileSync(`/proc/${child.pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()).toBe("berth wait");
  child.kill("SIGINT");
  await ended;
});

test("berth whose reader has gone ends without a word", () => {
  expect(runShell("$BERTH stream | head -n 1")).toMatchObject({ stdout: "item 0\n", stderr: "" });
  expect(runShell("$BERTH echo one | true")).toMatchObject({ stdout: "", stderr: "" });
});

test("berth whose result cannot be written fails", () => {
  expect(runShell("$BERTH echo one > /dev/full")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("berth: unexpected error: cannot write the result\n  "),
  });
});

test("berth whose stderr is gone keeps its status", () => {
  expect(runShell("$BERTH eco 2>&-")).toMatchObject({ status: 2, stdout: "" });
});

test("berth called by the name atomic is atomic", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-cli-"));
  const link = join(directory, "atomic");
  symlinkSync(main, link);
  const stdout = execFileSync(process.execPath, [link, "echo", "--json"], { encoding: "utf8" });
  expect(JSON.parse(stdout)).toMatchObject({ personality: "atomic" });
  rmSync(directory, { recursive: true });
});

test("berth on a terminal draws its progress there and takes it away", () => {
  const { stdout } = runShell(`TERM=xterm script -qec "timeout -s INT 2 $BERTH wait" /dev/null < /dev/null`);
  const clear = "\x1b[1A\x1b[J";
  expect(stdout).toContain(`pull etcd\r\n${clear}berth: warning: waiting\r\npull etcd\r\n${clear}`);
  expect(stdout.endsWith(`${clear}berth: cannot go on\r\n  interrupted\r\n`)).toBe(true);
});
