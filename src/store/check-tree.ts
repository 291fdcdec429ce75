import { type Dirent, lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { type ByteString, byteString, bytesOf } from "../layer/byte-string.ts";
import { joinPath } from "../layer/entry-path.ts";
import type { Tree, TreeDirectory, TreeEntry } from "../layer/tree.ts";
import { makeDevice } from "../sys/mknod.ts";
import { hasTime } from "./attributes.ts";
import { hashFile } from "./check-object.ts";
import { breather } from "./files.ts";
import type { Layout } from "./layout.ts";
import { objectName } from "./object-name.ts";
import { readXattrs, sameXattrs } from "./read-xattrs.ts";

/** What a checkout has otherwise than its tree. */
export interface TreeDamage {
  path: ByteString;
  reason: string;
  /** What should be there; undefined: nothing. */
  entry: TreeEntry | undefined;
}

export interface CheckedTree {
  files: number;
  damaged: TreeDamage[];
}

export interface CheckTreeOptions {
  /** The checkout. */
  dir: string;
  /** Whether something of the host is mounted on this path: what is below it is not the checkout's. */
  isMountPoint(path: Buffer): boolean;
  /** Whether a sound file that is not the object itself, but a copy, counts as damage. */
  mustShare?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Compares a checkout with its tree, entry by entry: nothing missing, nothing more, type, mode, owner, extended attributes, link
 * targets, device numbers, contents. A file that is the object itself is not read: what is wrong with it is the object's damage. Times are not
 * compared.
 */
export async function checkTree(
  layout: Layout,
  tree: Tree,
  { dir, isMountPoint, mustShare = false, signal }: CheckTreeOptions,
): Promise<CheckedTree> {
  const breathe = breather(signal, "check of a checkout");
  const checked: CheckedTree = { files: 0, damaged: [] };
  const pending: { path: ByteString; entry: TreeEntry }[] = [{ path: "", entry: tree.root }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { path, entry } = item;
    await breathe();
    const host = hostPath(dir, path);
    if (path !== "" && entry.type === "directory" && isMountPoint(host)) continue;
    const reason = checkEntry(layout, entry, { host, mustShare });
    if (reason !== undefined) checked.damaged.push({ path, reason, entry });
    if (entry.type !== "directory") checked.files++;
    else if (reason === undefined || reason === ATTRIBUTES) {
      for (const name of strangersOf(host, entry))
        checked.damaged.push({
          path: joinPath(path, name),
          reason: "the image has nothing there",
          entry: undefined,
        });
      for (const [name, child] of entry.children) pending.push({ path: joinPath(path, name), entry: child });
    }
  }
  return checked;
}

const ATTRIBUTES = "its mode, owner or extended attributes are not the image's";

function checkEntry(
  layout: Layout,
  entry: TreeEntry,
  { host, mustShare }: { host: Buffer; mustShare: boolean },
): string | undefined {
  const stat = lstatSync(host, { throwIfNoEntry: false });
  if (stat === undefined) return "it is missing";
  if (!isOfType(stat, entry)) return `it is not a ${entry.type}`;
  if (entry.type === "file" && entry.size > 0) {
    const name = objectName(entry.sha256, entry);
    if (isSame(stat, layout.object(name))) return undefined; // sound, or damage of the object
    if (mustShare && !(entry.timed === true && hasTime(stat, entry))) return "it is a copy";
    if (stat.size !== entry.size || hashFile(host) !== entry.sha256) return "its content is not the image's";
  } else if (entry.type === "file" && stat.size !== 0) return "it is not empty";
  if (entry.type === "symlink" && !readlinkSync(host, { encoding: "buffer" }).equals(bytesOf(entry.target)))
    return "it leads elsewhere";
  if ((entry.type === "char" || entry.type === "block") && BigInt(stat.rdev) !== makeDevice(entry))
    return "it is another device";
  return hasAttributes(stat, { host, entry }) ? undefined : ATTRIBUTES;
}

function isOfType(stat: Stats, { type }: TreeEntry): boolean {
  switch (type) {
    case "file":
      return stat.isFile();
    case "directory":
      return stat.isDirectory();
    case "symlink":
      return stat.isSymbolicLink();
    case "char":
      return stat.isCharacterDevice();
    case "block":
      return stat.isBlockDevice();
    case "fifo":
      return stat.isFIFO();
  }
}

function isSame(stat: Stats, object: string): boolean {
  const other = lstatSync(object, { throwIfNoEntry: false });
  return other !== undefined && other.ino === stat.ino && other.dev === stat.dev;
}

function hasAttributes(stat: Stats, { host, entry }: { host: Buffer; entry: TreeEntry }): boolean {
  const isMode = entry.type === "symlink" || (stat.mode & 0o7777) === entry.mode;
  return (
    isMode && stat.uid === entry.uid && stat.gid === entry.gid && sameXattrs(readXattrs(host), entry.xattrs)
  );
}

/** Names in a directory that the tree does not have. */
function strangersOf(host: Buffer, { children }: TreeDirectory): ByteString[] {
  const entries: Dirent<Buffer>[] = readdirSync(host, { encoding: "buffer", withFileTypes: true });
  return entries.map(({ name }) => byteString(name)).filter((name) => !children.has(name));
}

export function hostPath(dir: string, path: ByteString): Buffer {
  return path === "" ? Buffer.from(dir) : Buffer.concat([Buffer.from(`${dir}/`), bytesOf(path)]);
}

/** Names of the objects that a tree is made of. */
function* objectsOf(tree: Tree): Generator<{ name: string; path: ByteString }> {
  const pending: { path: ByteString; entry: TreeEntry }[] = [{ path: "", entry: tree.root }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { path, entry } = item;
    if (entry.type === "directory")
      for (const [name, child] of entry.children) pending.push({ path: joinPath(path, name), entry: child });
    else if (entry.type === "file" && entry.size > 0) yield { name: objectName(entry.sha256, entry), path };
  }
}

/** Those of `objects` that a checkout of the tree shares: it has the same file, or the object is gone and was linked to it. */
export function sharedObjects(
  layout: Layout,
  tree: Tree,
  { dir, objects }: { dir: string; objects: ReadonlySet<string> },
): Set<string> {
  const shared = new Set<string>();
  for (const { name, path } of objectsOf(tree)) {
    if (!objects.has(name)) continue;
    const stat = lstatSync(hostPath(dir, path), { throwIfNoEntry: false });
    const isMissing = lstatSync(layout.object(name), { throwIfNoEntry: false }) === undefined;
    if (stat !== undefined && (isMissing || isSame(stat, layout.object(name)))) shared.add(name);
  }
  return shared;
}
