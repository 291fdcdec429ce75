import { chmodSync, fchmodSync, fchownSync, lchownSync, type Stats } from "node:fs";
import { Failure } from "../errors.ts";
import { bytesOf, showBytes } from "../layer/byte-string.ts";
import type { Attributes } from "../layer/listing.ts";
import type { Xattr } from "../layer/xattrs.ts";
import { futimens, lutimens } from "../sys/utimens.ts";
import { fsetxattr, lsetxattr } from "../sys/xattr.ts";

const SECOND = 1_000_000_000n;

/*
 * The order matters: chown clears setuid and file capabilities, and everything before the times changes them.
 */

export function setOpenFileAttributes(fd: number, { mode, uid, gid, mtime, xattrs }: Attributes): void {
  if (uid !== 0 || gid !== 0) fchownSync(fd, uid, gid);
  fchmodSync(fd, mode);
  for (const xattr of xattrs) setXattr(xattr, (name, value) => fsetxattr(fd, name, value));
  futimens(fd, mtime);
}

/** For what was just made by root, of any type. */
export function setAttributes(
  path: string | Buffer,
  { type, mode, uid, gid, mtime, xattrs }: Attributes & { type: string },
): void {
  if (uid !== 0 || gid !== 0) lchownSync(path, uid, gid);
  if (type !== "symlink") chmodSync(path, mode);
  for (const xattr of xattrs) setXattr(xattr, (name, value) => lsetxattr(path, name, value));
  lutimens(path, mtime);
}

/** Whether a file has its time, to the second. */
export function hasTime({ mtimeMs }: Stats, { mtime }: Attributes): boolean {
  return BigInt(Math.floor(mtimeMs / 1000)) === secondsOf(mtime);
}

function secondsOf(ns: bigint): bigint {
  return (ns - (((ns % SECOND) + SECOND) % SECOND)) / SECOND;
}

function setXattr({ name, value }: Xattr, set: (name: Buffer, value: Buffer) => void): void {
  try {
    set(bytesOf(name), value);
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ""];
    if (reason === undefined) throw error;
    throw new Failure("LAYER_INVALID", `extended attribute "${showBytes(name)}": ${reason}`, {
      cause: error,
    });
  }
}

/** ext4 says ENOSPC of attributes beyond one block however much is free. */
const REASONS: Record<string, string> = {
  ENOSPC: "the file system has no room for it",
  E2BIG: "it is too big",
  ERANGE: "its name is too long",
  EINVAL: "the kernel refuses its value",
  ENOTSUP: "the file system cannot store it",
  EOPNOTSUPP: "the file system cannot store it",
};
