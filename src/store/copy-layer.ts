import { closeSync, constants, copyFileSync, existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { RegularFile } from "../layer/listing.ts";
import { encodeListing } from "../layer/listing-format.ts";
import type { Digest } from "../oci/digest.ts";
import { setOpenFileAttributes } from "./attributes.ts";
import { hashOpen } from "./check-object.ts";
import { noteReused } from "./claims.ts";
import { breather } from "./files.ts";
import type { Layout } from "./layout.ts";
import { readListing } from "./listings.ts";
import { objectName } from "./object-name.ts";

/** Where a layer's staged objects and its listing go, as for one that is read from a blob. */
export interface CopyJob {
  diffId: Digest;
  /** Directory for the objects, by prefix as in the store. */
  objects: string;
  /** File for the listing. */
  listing: string;
  /** File for the names of objects that this store has already. */
  reused: string;
}

/**
 * Stages a layer that another store has: its objects that this store lacks are copied (sharing their blocks where the file system can) and
 * their content is checked. STORE_CORRUPT naming the file of the other store that is damaged.
 */
export async function copyLayer(
  from: Layout,
  to: Layout,
  { job, signal }: { job: CopyJob; signal?: AbortSignal | undefined },
): Promise<void> {
  const listing = readListing(from, job.diffId);
  const breathe = breather(signal, "copy of a layer");
  const reused: string[] = [];
  for (const change of listing.changes) {
    if (change.kind !== "add" || change.node.type !== "file" || change.node.size === 0) continue;
    const name = objectName(change.node.sha256, change.node);
    const target = join(job.objects, name.slice(0, 2), name);
    if (existsSync(target)) continue;
    if (existsSync(to.object(name))) {
      reused.push(name);
      continue;
    }
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    copyObject(from.object(name), { target, file: change.node });
    await breathe();
  }
  noteReused(job.reused, reused);
  writeFileSync(job.listing, encodeListing(listing), { flag: "wx", mode: 0o600 });
}

function copyObject(object: string, { target, file }: { target: string; file: RegularFile }): void {
  try {
    copyFileSync(object, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    throw new Failure("STORE_CORRUPT", `object ${object} is missing`, { cause: error });
  }
  const fd = openSync(target, "r+");
  try {
    if (hashOpen(fd) !== file.sha256) throw new Failure("STORE_CORRUPT", `object ${object} is damaged`);
    setOpenFileAttributes(fd, file);
  } finally {
    closeSync(fd);
  }
}
