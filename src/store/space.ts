import { statfsSync } from "node:fs";
import { Failure, isErrno } from "../errors.ts";

/**
 * What berth leaves free, so that a pull does not stop the host: a hundredth of the file system, 64 MiB at
 * most.
 */
const RESERVE_SHARE = 0.01;
const MAX_RESERVE = 64 * 1024 * 1024;

/** Refuses (NO_SPACE) when `dir` has not room for `bytes` and the reserve. */
export function checkSpace(dir: string, { bytes, what }: { bytes: number; what: string }): void {
  const { blocks, bavail, bsize } = statfsSync(dir);
  const reserve = Math.min(MAX_RESERVE, RESERVE_SHARE * blocks * bsize);
  if (bavail * bsize < bytes + reserve) throw noSpace(dir, { bytes, what });
}

/** `error` as NO_SPACE naming `dir` when the file system or a quota was full, else as it is. */
export function asNoSpace(
  error: unknown,
  { dir, bytes, what }: { dir: string; bytes: number; what: string },
): unknown {
  const isFull = isErrno(error, "ENOSPC") || isErrno(error, "EDQUOT");
  return isFull ? noSpace(dir, { bytes, what, cause: error }) : error;
}

function noSpace(
  dir: string,
  { bytes, what, cause }: { bytes: number; what: string; cause?: unknown },
): Failure {
  const { bavail, bsize } = statfsSync(dir);
  return new Failure(
    "NO_SPACE",
    `no space in ${dir}: ${what} needs at least ${formatBytes(bytes)}, ${formatBytes(bavail * bsize)} are free`,
    { hint: "Free some space, for example with `berth prune`.", cause },
  );
}

function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
