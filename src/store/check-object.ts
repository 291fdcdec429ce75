import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../errors.ts";

import { objectName } from "./object-name.ts";
import { readXattrs } from "./read-xattrs.ts";

/** Read at once; also the grain of a rate limit. */
const PIECE = 1024 * 1024;
const SHA256_HEX = 64;

const buffer = Buffer.allocUnsafeSlow(PIECE);

/**
 * Reads an object and says what is wrong with it, undefined when it is what its name says: content, mode, owner and extended attributes. `onRead`
 * hears of each piece.
 */
export function checkObject(
  objects: string,
  name: string,
  onRead: (bytes: number) => void = () => {},
): string | undefined {
  const path = join(objects, name.slice(0, 2), name);
  try {
    return checkContent(path, { name, onRead });
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "it is missing";
    if (isErrno(error, "ELOOP")) return "it is not a file";
    if (isErrno(error, "EIO") || isErrno(error, "EUCLEAN")) return `it cannot be read (${error.code})`;
    throw error;
  }
}

function checkContent(
  path: string,
  { name, onRead }: { name: string; onRead: (bytes: number) => void },
): string | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return "it is not a file";
    const sha256 = hashOpen(fd, onRead);
    const expected = name.slice(0, SHA256_HEX);
    if (sha256 !== expected) return `its content has SHA-256 ${sha256}`;
    const { uid, gid } = stat;
    const mode = stat.mode & 0o7777;
    const actual = objectName(sha256, { mode, uid, gid, mtime: 0n, xattrs: readXattrs(path) });
    return actual === name
      ? undefined
      : `its mode, owner or extended attributes are those of ${actual.slice(SHA256_HEX + 1)}`;
  } finally {
    closeSync(fd);
  }
}

/** The SHA-256, in hex, of a file; a link is not followed. */
export function hashFile(path: Buffer): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return hashOpen(fd);
  } finally {
    closeSync(fd);
  }
}

/** The SHA-256, in hex, of what is left to read. */
export function hashOpen(fd: number, onRead: (bytes: number) => void = () => {}): string {
  const hash = createHash("sha256");
  for (;;) {
    const length = readSync(fd, buffer, 0, PIECE, null);
    if (length === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, length));
    onRead(length);
  }
}
