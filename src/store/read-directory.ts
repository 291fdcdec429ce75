/** A directory of the host as a listing: what an image consists of that was never one. */
import { createReadStream, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { type ByteString, byteString } from "../layer/byte-string.ts";
import { joinPath } from "../layer/entry-path.ts";
import type {
  Attributes,
  Change,
  DirectoryAttributes,
  Leaf,
  Listing,
  RegularFile,
} from "../layer/listing.ts";
import { writeTar } from "../layer/write-tar.ts";
import { splitDevice } from "../sys/mknod.ts";
import { hashFile } from "./check-object.ts";
import { hostPath } from "./check-tree.ts";
import { breather } from "./files.ts";
import { readXattrs } from "./read-xattrs.ts";

export interface ReadDirectoryOptions {
  /** Of which files the contents are read; the digests of the others are empty. Default: all. */
  reads?: (path: ByteString) => boolean;
  signal?: AbortSignal | undefined;
}

/**
 * All that is below `dir`, on its file system: sockets are left out, names of one file are one file. `archive` gives it as a tar archive, for
 * which the contents must have been read.
 */
export async function readDirectory(
  dir: string,
  { reads = () => true, signal }: ReadDirectoryOptions,
): Promise<{ listing: Listing; archive(): AsyncGenerator<Uint8Array> }> {
  const breathe = breather(signal, "reading of a directory");
  const changes: Change[] = [];
  const places = new Map<RegularFile, Buffer>();
  const seen = new Map<bigint, ByteString>();
  const { dev } = lstatSync(dir);
  const pending: ByteString[] = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    await breathe();
    const host = hostPath(dir, path);
    const stat = lstatSync(host, { bigint: true });
    if (stat.isSocket() || (stat.dev !== BigInt(dev) && path !== "")) continue;
    const first = stat.isDirectory() || stat.nlink === 1n ? undefined : seen.get(stat.ino);
    if (first !== undefined) {
      changes.push({ kind: "link", path, target: first });
      continue;
    }
    seen.set(stat.ino, path);
    const attributes: Attributes = {
      mode: Number(stat.mode & 0o7777n),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      mtime: stat.mtimeNs,
      xattrs: readXattrs(host),
    };
    const node = nodeOf(host, stat, { attributes, contents: reads(path) });
    if (node.type === "file") places.set(node, host);
    changes.push({ kind: "add", path, node });
    if (node.type !== "directory") continue;
    const names = readdirSync(host, { encoding: "buffer" }).map((name) => byteString(name));
    // The last is taken next: in the order of their names, so that a link comes after its target.
    for (const name of names.sort().reverse()) pending.push(joinPath(path, name));
  }
  const listing = { changes };
  const open = (file: RegularFile): AsyncIterable<Uint8Array> => createReadStream(places.get(file) as Buffer);
  return { listing, archive: () => writeTar(listing, open) };
}

type Stat = ReturnType<typeof lstatSync> & { rdev: bigint; size: bigint };

function nodeOf(
  host: Buffer,
  stat: Stat,
  { attributes, contents }: { attributes: Attributes; contents: boolean },
): Leaf | DirectoryAttributes {
  if (stat.isDirectory()) return { type: "directory", ...attributes };
  if (stat.isSymbolicLink())
    return { type: "symlink", ...attributes, target: byteString(readlinkSync(host, { encoding: "buffer" })) };
  if (stat.isFIFO()) return { type: "fifo", ...attributes };
  if (!stat.isFile())
    return { type: stat.isBlockDevice() ? "block" : "char", ...attributes, ...splitDevice(stat.rdev) };
  const size = Number(stat.size);
  return { type: "file", ...attributes, size, sha256: contents && size > 0 ? hashFile(host) : "" };
}
