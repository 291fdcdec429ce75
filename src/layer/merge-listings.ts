import { Failure } from "../errors.ts";
import { type ByteString, showBytes } from "./byte-string.ts";
import { baseOf, parentOf } from "./entry-path.ts";
import type { Change, DirectoryAttributes, Leaf, Listing } from "./listing.ts";
import { impliedDirectory, type Tree, type TreeDirectory, type TreeEntry } from "./tree.ts";

const MAX_SYMLINKS = 40;

/**
 * The image's tree: the listings of its layers, base first, applied to an empty directory (OCI image-spec
 * layer.md). In one layer hard links to lower layers are looked up first, then opaque directories and
 * whiteouts hide what is below, then the layer's own entries come. A path that leads through a symlink of a
 * lower layer is followed inside the tree. LAYER_INVALID, LAYER_UNSAFE naming the entry.
 */
export function mergeListings(listings: Iterable<Listing>): Tree {
  const root = impliedDirectory();
  for (const { changes } of listings) applyChanges(root, changes);
  return { root };
}

function applyChanges(root: TreeDirectory, changes: readonly Change[]): void {
  const lowerLinks = new Map<ByteString, Leaf>();
  const hidden: (() => void)[] = [];
  for (const change of changes) {
    if (change.kind === "lower-link") lowerLinks.set(change.path, lowerTarget(root, change));
    if (change.kind === "opaque") {
      const directory = findDirectory(root, change.path);
      if (directory !== undefined) hidden.push(() => directory.children.clear());
    }
    if (change.kind === "whiteout") {
      const parent = findDirectory(root, parentOf(change.path));
      if (parent !== undefined) hidden.push(() => parent.children.delete(baseOf(change.path)));
    }
  }
  for (const hide of hidden) hide();
  const added = new Map<ByteString, Leaf>();
  const linked = new Set<ByteString>();
  for (const change of changes) if (change.kind === "link") linked.add(change.target);
  const placer = new Placer(root);
  for (const change of changes) {
    if (change.kind === "add") {
      placer.place(change.path, change.node);
      if (linked.has(change.path)) added.set(change.path, change.node as Leaf);
    } else if (change.kind === "link") placer.place(change.path, added.get(change.target) as Leaf);
    else if (change.kind === "lower-link") placer.place(change.path, lowerLinks.get(change.path) as Leaf);
  }
}

/** Puts nodes at their paths; remembers the last directory, since paths come sorted. */
class Placer {
  readonly #root: TreeDirectory;
  #lastParent: ByteString = "";
  #lastDirectory: TreeDirectory;

  constructor(root: TreeDirectory) {
    this.#root = root;
    this.#lastDirectory = root;
  }

  place(path: ByteString, node: Leaf | DirectoryAttributes): void {
    if (path === "") {
      Object.assign(this.#root, node);
      return;
    }
    const parentPath = parentOf(path);
    if (parentPath !== this.#lastParent) {
      this.#lastDirectory = makeDirectory(this.#root, parentPath);
      this.#lastParent = parentPath;
    }
    const { children } = this.#lastDirectory;
    const name = baseOf(path);
    if (node.type !== "directory") {
      children.set(name, node);
      return;
    }
    const existing = children.get(name);
    if (existing?.type === "directory") Object.assign(existing, node);
    else children.set(name, { ...node, children: new Map() });
  }
}

function lowerTarget(root: TreeDirectory, { path, target }: { path: ByteString; target: ByteString }): Leaf {
  let entry: TreeEntry | undefined = root;
  for (const component of target.split("/"))
    entry = entry?.type === "directory" ? entry.children.get(component) : undefined;
  if (entry === undefined)
    throw invalid(path, `hard link to "${showBytes(target)}", which does not exist in this layer or below`);
  if (entry.type === "directory") throw invalid(path, `hard link to the directory "${showBytes(target)}"`);
  return entry;
}

/** The directory at `path`, symlinks followed; undefined when there is none. */
function findDirectory(root: TreeDirectory, path: ByteString): TreeDirectory | undefined {
  return follow(root, path, () => undefined);
}

/** The same, but what is missing is made, and what is no directory gives way to one. */
function makeDirectory(root: TreeDirectory, path: ByteString): TreeDirectory {
  const made = follow(root, path, (parent, name) => {
    const directory = impliedDirectory();
    parent.children.set(name, directory);
    return directory;
  });
  return made as TreeDirectory;
}

function follow(
  root: TreeDirectory,
  path: ByteString,
  orElse: (parent: TreeDirectory, name: ByteString) => TreeDirectory | undefined,
): TreeDirectory | undefined {
  const trail: TreeDirectory[] = [root];
  const pending = path.split("/").reverse();
  let followed = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      if (trail.length === 1)
        throw new Failure(
          "LAYER_UNSAFE",
          `entry below "${showBytes(path)}": a symlink leads out of the image`,
        );
      trail.pop();
      continue;
    }
    const parent = trail.at(-1) as TreeDirectory;
    const entry = parent.children.get(name);
    if (entry?.type === "directory") trail.push(entry);
    else if (entry?.type === "symlink") {
      if (++followed > MAX_SYMLINKS)
        throw new Failure("LAYER_UNSAFE", `entry below "${showBytes(path)}": too many symlinks`);
      if (entry.target.startsWith("/")) trail.length = 1;
      pending.push(...entry.target.split("/").reverse());
    } else {
      const directory = orElse(parent, name);
      if (directory === undefined) return undefined;
      trail.push(directory);
    }
  }
  return trail.at(-1);
}

function invalid(path: ByteString, reason: string): Failure {
  return new Failure("LAYER_INVALID", `entry "${showBytes(path)}": ${reason}`);
}
