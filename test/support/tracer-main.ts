/**
 * Runs a command under ptrace(2) and counts its state-changing system calls on the files of some directories, over all its threads and
 * processes; at the n-th, before the kernel does it, everything is killed. strace could count only per thread, and
 * only by name: what a thread pool does is not the same twice, and most calls of Node are on files that do not matter.
 *
 *   tracer-main.ts JSON    see TracerOptions; the answer is a TracerAnswer, written to `answer`
 */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, readlinkSync, readSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { native } from "../../src/sys/libc.ts";
import { FILE_CALLS, type FileCall } from "./state-calls.ts";

export interface TracerOptions {
  command: string[];
  /** Absolute directories; only calls on what is in them count. */
  below: string[];
  /** Kill before the call of this number, from 1. Without it the command runs to its end. */
  killAt?: number;
  /** Whether what is written to sockets counts too (D-Bus calls, requests). */
  sockets?: boolean;
  /** File for the answer. */
  answer: string;
  /** Files for what the command says. */
  stdout: string;
  stderr: string;
}

export interface StateCall {
  call: string;
  /** The last path it names, or that its descriptor has. */
  path: string;
}

export interface TracerAnswer {
  /** In the order in which they began; the last one was not done where it was killed. */
  calls: StateCall[];
  killed: boolean;
  /** Exit status; 128 and more: the signal that ended it. */
  status: number;
}

const ptrace = native("int64_t ptrace(int64_t request, int64_t pid, size_t addr, int64_t data)");
const ptraceInto = native("int64_t ptrace(int64_t request, int64_t pid, size_t addr, void *data)");
const waitpid = native("int waitpid(int pid, void *status, int options)");

const [SYSCALL, SEIZE, GET_SYSCALL_INFO] = [24, 0x4206, 0x420e];
/** TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE, TRACEEXEC, EXITKILL */
const OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x100000;
const EVENT_STOP = 128;
const SYSCALL_STOP = 5 | 0x80;
const [SIGKILL, SIGTRAP] = [9, 5];
const WALL = 0x40000000;
const O_CREAT_TRUNC = 0o100 | 0o1000;
const AT_FDCWD = -100;

const options = JSON.parse(process.argv[2] ?? "{}") as TracerOptions;
const answer = run(options);
writeFileSync(options.answer, JSON.stringify(answer));
process.exit(0);

function run({ command, killAt, stdout, stderr }: TracerOptions): TracerAnswer {
  const result: TracerAnswer = { calls: [], killed: false, status: 0 };
  const main = start(command, { stdout, stderr });
  const status = Buffer.alloc(4);
  const info = Buffer.alloc(88);
  const known = new Set<number>([main]);
  for (;;) {
    const pid = waitpid(-1, status, WALL);
    if (pid === -1) return result; // all have ended
    const word = status.readUInt32LE();
    if ((word & 0xff) !== 0x7f) {
      known.delete(pid);
      if (pid === main) result.status = (word & 0x7f) === 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f);
      continue;
    }
    known.add(pid);
    const signal = (word >> 8) & 0xff;
    if (signal === SYSCALL_STOP && !result.killed) {
      ptraceInto(GET_SYSCALL_INFO, pid, info.length, info);
      const call = info[0] === 1 ? stateCall(pid, info) : undefined;
      if (call !== undefined) {
        result.calls.push(call);
        if (result.calls.length === killAt) {
          result.killed = true;
          for (const each of known) tryKill(each);
          continue;
        }
      }
    }
    const isSignal = signal !== SYSCALL_STOP && word >> 16 === 0 && signal !== SIGTRAP;
    ptrace(SYSCALL, pid, 0, isSignal ? signal : 0);
    if (word >> 16 === EVENT_STOP && signal === 19) process.kill(pid, "SIGCONT");
  }
}

/** The command, seized before it begins: it waits stopped. */
function start(command: string[], { stdout, stderr }: { stdout: string; stderr: string }): number {
  const stdio = ["ignore" as const, openSync(stdout, "w"), openSync(stderr, "w")];
  const { pid = 0 } = spawn("/bin/sh", ["-c", 'kill -STOP $$; exec "$@"', "sh", ...command], { stdio });
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (!/\) [tT] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) Atomics.wait(pause, 0, 0, 1);
  if (ptrace(SEIZE, pid, 0, OPTIONS) !== 0) throw new Error("ptrace: not permitted");
  return pid;
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, SIGKILL);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** What the call that a thread is about to make would change, if it counts. */
function stateCall(pid: number, info: Buffer): StateCall | undefined {
  const known: FileCall | undefined = FILE_CALLS.get(Number(info.readBigUInt64LE(24)));
  if (known === undefined) return undefined;
  const argument = (at: number): bigint => info.readBigUInt64LE(32 + 8 * at);
  if (known.flags !== undefined && (Number(argument(known.flags) & 0xffffffffn) & O_CREAT_TRUNC) === 0)
    return undefined;
  if (known.request !== undefined && Number(argument(1) & 0xffffffffn) !== known.request) return undefined;
  const paths = known.paths.map(({ path, fd }) => {
    const directory = fd === undefined ? AT_FDCWD : Number(BigInt.asIntN(32, argument(fd)));
    const name = path === undefined || argument(path) === 0n ? "" : readString(pid, argument(path));
    if (name.startsWith("/")) return name;
    const base = linkOf(`/proc/${pid}/${directory === AT_FDCWD ? "cwd" : `fd/${directory}`}`);
    return name === "" ? base : resolve(base, name);
  });
  const counts = (path: string): boolean =>
    options.below.some((dir) => path === dir || path.startsWith(`${dir}/`)) ||
    (options.sockets === true && path.startsWith("socket:"));
  return paths.some(counts) ? { call: known.name, path: paths.at(-1) ?? "" } : undefined;
}

function readString(pid: number, address: bigint): string {
  const fd = openSync(`/proc/${pid}/mem`, "r");
  try {
    const bytes = Buffer.alloc(4096);
    // Not beyond the page, what follows may not be there.
    const length = readSync(fd, bytes, 0, 4096 - Number(address & 0xfffn), address);
    const end = bytes.subarray(0, length).indexOf(0);
    if (end !== -1) return bytes.toString("utf8", 0, end);
    const more = readSync(fd, bytes, length, 4096 - length, address + BigInt(length));
    return bytes.toString("utf8", 0, bytes.subarray(0, length + more).indexOf(0));
  } finally {
    closeSync(fd);
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
