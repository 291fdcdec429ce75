/** Files that berth put on the host, taken away again. */
import { rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isErrno } from "../errors.ts";
import { removeDurably } from "../sys/durable.ts";

/** A directory of drop-ins goes with its last file; the admin's own drop-ins keep it. */
export async function removeHostFile(path: string, unitDirectory: string): Promise<void> {
  await removeDurably(path);
  const directory = dirname(path);
  if (dirname(directory) === unitDirectory) await removeEmpty(directory);
}

/** Removes a directory unless something is in it. */
export async function removeEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "ENOENT")) throw error;
  }
}
