import { Failure } from "../errors.ts";
import { type ByteString, byteStringOf, showBytes } from "./byte-string.ts";
import { joinPath } from "./entry-path.ts";
import type { DirectoryAttributes, Leaf } from "./listing.ts";

/**
 * The root file system of an image. Several names of one leaf (hard links) are the same object in memory.
 * Treat as immutable.
 */
export interface Tree {
  root: TreeDirectory;
}

export interface TreeDirectory extends DirectoryAttributes {
  children: Map<ByteString, TreeEntry>;
}

export type TreeEntry = TreeDirectory | Leaf;

/** As the kernel's limit for one lookup. */
const MAX_SYMLINKS = 40;

/** The entry at `path` itself: symlinks are not followed, neither the last nor on the way. */
export function lookup(tree: Tree, path: string): TreeEntry | undefined {
  let at: TreeEntry | undefined = tree.root;
  for (const component of componentsOf(byteStringOf(path))) {
    if (at?.type !== "directory") return undefined;
    at = at.children.get(component);
  }
  return at;
}

/** Where a path leads: the real path below the root, and the entry there unless there is none. */
export interface Resolved {
  path: ByteString;
  entry: TreeEntry | undefined;
}

/**
 * Follows `path` as the kernel would with the tree as its root: symlinks followed, absolute ones from the
 * tree's root, `..` never above it. Of a path that does not exist `path` is where it would be made.
 * CONFIG_INVALID for a symlink loop.
 */
export function resolvePath(tree: Tree, path: string): Resolved {
  const pending = componentsOf(byteStringOf(path)).reverse();
  const names: ByteString[] = [];
  const entries: (TreeEntry | undefined)[] = [tree.root];
  let followed = 0;
  for (let component = pending.pop(); component !== undefined; component = pending.pop()) {
    if (component === "..") {
      names.pop();
      if (entries.length > 1) entries.pop();
      continue;
    }
    const parent = entries.at(-1);
    const entry = parent?.type === "directory" ? parent.children.get(component) : undefined;
    if (entry?.type !== "symlink") {
      names.push(component);
      entries.push(entry);
      continue;
    }
    if (++followed > MAX_SYMLINKS)
      throw new Failure("CONFIG_INVALID", `${showBytes(byteStringOf(path))}: too many symlinks in the image`);
    if (entry.target.startsWith("/")) {
      names.length = 0;
      entries.length = 1;
    }
    pending.push(...componentsOf(entry.target).reverse());
  }
  return { path: names.join("/"), entry: entries.at(-1) };
}

/**
 * All entries with their paths, a directory before what it holds, the root ("") first; sorted by name as
 * bytes.
 */
export function* walkTree(tree: Tree): Generator<{ path: ByteString; entry: TreeEntry }> {
  const pending: { path: ByteString; entry: TreeEntry }[] = [{ path: "", entry: tree.root }];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    yield item;
    if (item.entry.type !== "directory") continue;
    const { path } = item;
    const names = [...item.entry.children].sort(([a], [b]) => (a < b ? 1 : -1));
    for (const [name, entry] of names) pending.push({ path: joinPath(path, name), entry });
  }
}

/** A directory that no layer describes but a path needs. */
export function impliedDirectory(): TreeDirectory {
  return { type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: 0n, xattrs: [], children: new Map() };
}

function componentsOf(path: ByteString): ByteString[] {
  return path.split("/").filter((component) => component !== "" && component !== ".");
}
