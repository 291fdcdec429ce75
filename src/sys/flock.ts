import { constants } from "node:os";
import { lastError, native } from "./libc.ts";

const flock = native("int flock(int fd, int operation)");

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/**
 * flock(2) without waiting: false when another open file holds the lock. The lock goes when the last
 * descriptor of this open file is closed, so a dead process holds none. Converting a held lock is not atomic.
 */
export function tryLock(fd: number, mode: "shared" | "exclusive"): boolean {
  if (flock(fd, (mode === "shared" ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0) return true;
  const error = lastError({ syscall: "flock" });
  if (error.errno === -constants.errno.EWOULDBLOCK) return false;
  throw error;
}

export function unlock(fd: number): void {
  if (flock(fd, LOCK_UN) !== 0) throw lastError({ syscall: "flock" });
}
