import { cString, lastError, native } from "./libc.ts";

const renameat2 = native(
  "int renameat2(int olddir, const void *oldpath, int newdir, const void *newpath, unsigned int flags)",
);

const AT_FDCWD = -100;
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

/** rename(2) that fails with EEXIST where `to` exists. */
export function renameNoReplace(from: string | Uint8Array, to: string | Uint8Array): void {
  rename(from, to, RENAME_NOREPLACE);
}

/** Swaps two existing names in one step. */
export function renameExchange(from: string | Uint8Array, to: string | Uint8Array): void {
  rename(from, to, RENAME_EXCHANGE);
}

function rename(from: string | Uint8Array, to: string | Uint8Array, flags: number): void {
  const [path, dest] = [cString(from), cString(to)];
  if (renameat2(AT_FDCWD, path, AT_FDCWD, dest, flags) !== 0)
    throw lastError({ syscall: "renameat2", path: path.subarray(0, -1), dest: dest.subarray(0, -1) });
}
