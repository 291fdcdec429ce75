import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Failure, isErrno } from "../errors.ts";
import { syncfs } from "../sys/syncfs.ts";

/**
 * Writes a file so that after a power cut the old one or the new one is there: `tmp` must lie on the same
 * file system.
 */
export function publishFile(path: string, { bytes, tmp }: { bytes: string | Buffer; tmp: string }): void {
  const fd = openSync(tmp, "wx", 0o600);
  try {
    writeAll(fd, Buffer.from(bytes as string));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(tmp, path);
  syncDirectory(dirname(path));
}

/** write(2) may take less than it is given. */
export function writeAll(fd: number, bytes: Uint8Array, position: number | null = null): void {
  for (let at = 0; at < bytes.length; )
    at += writeSync(fd, bytes, at, bytes.length - at, position === null ? null : position + at);
}

export function syncDirectory(path: string): void {
  withOpen(path, fsyncSync);
}

/** Syncs the whole file system that holds `path`. */
export function syncFileSystem(path: string): void {
  withOpen(path, syncfs);
}

function withOpen(path: string, use: (fd: number) => void): void {
  const fd = openSync(path, "r");
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}

const SLICE_MS = 20;

/**
 * Lets a long run of synchronous calls give way to signals and other work: call the result often, await what
 * it gives.
 */
export function breather(signal: AbortSignal | undefined, what: string): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (signal?.aborted) throw new Failure("INTERRUPTED", `interrupted during the ${what}`);
    if (performance.now() - last < SLICE_MS) return undefined;
    return setImmediate().then(() => {
      last = performance.now();
      if (signal?.aborted) throw new Failure("INTERRUPTED", `interrupted during the ${what}`);
    });
  };
}

/**
 * Removes a file or a whole tree if it exists. Unlike node:fs `rm` it takes names that are not UTF-8 and lets
 * the event loop breathe. It never follows a symlink, but expects that nobody else changes the tree
 * meanwhile.
 */
export async function removeTree(path: string): Promise<void> {
  const breathe = breather(undefined, "removal");
  const pending: { path: Buffer; isOpened: boolean }[] = [{ path: Buffer.from(path), isOpened: false }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    await breathe();
    if (item.isOpened) rmdirSync(item.path);
    else if (!unlinkIfFile(item.path)) {
      pending.push({ path: item.path, isOpened: true });
      for (const entry of readdirSync(item.path, { encoding: "buffer", withFileTypes: true })) {
        const child = Buffer.concat([item.path, SLASH, entry.name]);
        if (entry.isDirectory()) pending.push({ path: child, isOpened: false });
        else unlinkSync(child);
      }
    }
  }
}

const SLASH = Buffer.from("/");

function unlinkIfFile(path: Buffer): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    if (isErrno(error, "EISDIR") || isErrno(error, "EPERM")) return false;
    throw error;
  }
}
