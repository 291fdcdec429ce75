import { cString, lastError, native } from "./libc.ts";

const utimensat = native("int utimensat(int dir, const void *path, const void *times, int flags)");
const futimensCall = native("int futimens(int fd, const void *times)");

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const SECOND = 1_000_000_000n;

const times = Buffer.alloc(32);

/** Sets both times of the file itself (of a symlink too) to `ns` nanoseconds since 1970, which may be negative. */
export function lutimens(path: string | Uint8Array, ns: bigint): void {
  const file = cString(path);
  if (utimensat(AT_FDCWD, file, timespecs(ns), AT_SYMLINK_NOFOLLOW) !== 0)
    throw lastError({ syscall: "utimensat", path: file.subarray(0, -1) });
}

export function futimens(fd: number, ns: bigint): void {
  if (futimensCall(fd, timespecs(ns)) !== 0) throw lastError({ syscall: "futimens" });
}

/** Two struct timespec; the nanoseconds of a negative time still count forward. */
function timespecs(ns: bigint): Buffer {
  const rest = ((ns % SECOND) + SECOND) % SECOND;
  const seconds = (ns - rest) / SECOND;
  for (const at of [0, 16]) {
    times.writeBigInt64LE(seconds, at);
    times.writeBigInt64LE(rest, at + 8);
  }
  return times;
}
