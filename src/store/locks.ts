import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Failure, isErrno } from "../errors.ts";
import type { Report } from "../events.ts";
import { tryLock } from "../sys/flock.ts";

/** A held lock. It goes with the process at the latest. */
export interface Lock extends Disposable, AsyncDisposable {
  release(): void;
}

export interface LockOptions {
  mode: "shared" | "exclusive";
  report?: Report | undefined;
  signal?: AbortSignal | undefined;
  /** How long to wait; without it, for ever. */
  timeoutMs?: number | undefined;
  /** The code of the failure when the time is over. */
  code?: "STORE_LOCKED" | "BUSY";
}

const FIRST_DELAY_MS = 5;
const LAST_DELAY_MS = 100;
const SAY_AFTER_MS = 1000;

/**
 * Takes flock(2) on the file `path`, which is made if missing. Waits by polling, since a blocking call in a
 * thread keeps Node from exiting; after a second reports who holds it. Failure INTERRUPTED when `signal`
 * aborts, `code` (STORE_LOCKED) after `timeoutMs`.
 */
export async function lockFile(path: string, options: LockOptions): Promise<Lock> {
  const { mode, report, signal, timeoutMs = Number.POSITIVE_INFINITY, code = "STORE_LOCKED" } = options;
  const start = performance.now();
  let isSaid = false;
  for (let pause = FIRST_DELAY_MS; ; pause = Math.min(2 * pause, LAST_DELAY_MS)) {
    checkSignal(signal, path);
    const lock = tryLockFile(path, mode);
    if (lock !== undefined) return lock;
    const waited = performance.now() - start;
    if (waited >= timeoutMs)
      throw new Failure(code, `${path} is locked by ${holderOf(path) ?? "another process"}`, {
        hint: "Wait until the other command ends, then try again.",
      });
    if (!isSaid && waited >= SAY_AFTER_MS) {
      isSaid = true;
      report?.({ type: "waiting", lock: path, holder: holderOf(path) });
    }
    await sleep(Math.min(pause, timeoutMs - waited), { signal, path });
  }
}

/**
 * A shared lock to read under. What cannot be written needs none: nobody changes it, at least not through
 * this mount.
 */
export async function lockToRead(
  path: string,
  options: Pick<LockOptions, "report" | "signal">,
): Promise<Lock | undefined> {
  try {
    return await lockFile(path, { ...options, mode: "shared" });
  } catch (error) {
    if (isErrno(error, "EROFS") || isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The lock, or undefined when another holds it. */
export function tryLockFile(path: string, mode: "shared" | "exclusive"): Lock | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  let lock: Lock | undefined;
  try {
    // A lock on a file that was removed in between would exclude nobody.
    if (tryLock(fd, mode) && isStillAt(fd, path)) {
      writeHolder(fd);
      lock = heldLock(fd);
    }
  } finally {
    if (lock === undefined) closeSync(fd);
  }
  return lock;
}

function heldLock(fd: number): Lock {
  let isOpen = true;
  const release = (): void => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  return {
    release,
    [Symbol.dispose]: release,
    async [Symbol.asyncDispose]() {
      release();
    },
  };
}

function isStillAt(fd: number, path: string): boolean {
  const [held, named] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })];
  return named !== undefined && held.ino === named.ino && held.dev === named.dev;
}

/** The title of a process that runs a command is its name and verb; the arguments may hold a secret. */
function writeHolder(fd: number): void {
  const title = /^[a-z]+( [a-z]+)?$/.test(process.title) ? process.title : "berth";
  try {
    ftruncateSync(fd, writeSync(fd, `${process.pid} ${title}\n`, 0));
  } catch (error) {
    // It is for people: a lock must be had on a full disk too.
    if (!isErrno(error, "ENOSPC") && !isErrno(error, "EDQUOT")) throw error;
  }
}

/** Who took the lock last, when that process still lives. */
function holderOf(path: string): string | undefined {
  const [, pid, command] = /^(\d+) (.*)\n$/.exec(readStart(path)) ?? [];
  if (pid === undefined || statSync(`/proc/${pid}`, { throwIfNoEntry: false }) === undefined)
    return undefined;
  return `${command} (pid ${pid})`;
}

function readStart(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(0, 200);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "";
    throw error;
  }
}

async function sleep(
  ms: number,
  { signal, path }: { signal: AbortSignal | undefined; path: string },
): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    checkSignal(signal, path);
    throw error;
  }
}

function checkSignal(signal: AbortSignal | undefined, path: string): void {
  if (signal?.aborted) throw new Failure("INTERRUPTED", `interrupted while waiting for ${path}`);
}
