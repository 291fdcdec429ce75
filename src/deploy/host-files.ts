/** Files that berth puts on the host, and takes away again. An admin's mask in the place of one stays. */
import { mkdir, readlink, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isErrno } from "../errors.ts";
import { removeDurably, writeDurably } from "../sys/durable.ts";

/** Writes a host file, unless a mask is there; whether it did. */
export async function placeHostFile(
  path: string,
  { text, mode }: { text: string | Uint8Array; mode: number },
): Promise<boolean> {
  if (await isMask(path)) return false;
  await mkdir(dirname(path), { recursive: true });
  await writeDurably(path, text, { mode });
  return true;
}

/** Whether `path` is a link to /dev/null: how an admin says that a unit must not start. */
export async function isMask(path: string): Promise<boolean> {
  try {
    return (await readlink(path)) === "/dev/null";
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "EINVAL") || isErrno(error, "ENOTDIR")) return false;
    throw error;
  }
}

/** A directory of drop-ins goes with its last file; the admin's own drop-ins keep it. */
export async function removeHostFile(path: string, unitDirectory: string): Promise<void> {
  if (await isMask(path)) return;
  await removeDurably(path);
  const directory = dirname(path);
  if (dirname(directory) === unitDirectory) await removeEmpty(directory);
}

/** Removes a directory unless something is in it; a link to one is not berth's, and stays. */
export async function removeEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "ENOENT") && !isErrno(error, "ENOTDIR")) throw error;
  }
}
