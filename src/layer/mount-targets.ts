import { Failure } from "../errors.ts";
import type { ByteString } from "./byte-string.ts";
import type { RegularFile } from "./listing.ts";
import { impliedDirectory, resolvePath, type Tree, type TreeDirectory, type TreeEntry } from "./tree.ts";

/**
 * A path of the container that something will be mounted on, so it must exist: as a directory, or as a file
 * for a file.
 */
export interface MountTarget {
  path: string;
  type: "dir" | "file";
  /** Of a directory: its permission bits, whatever the image has there. */
  mode?: number;
}

/**
 * The tree with what is missing of `targets` added: directories 0755 and empty files 0644, root's. Symlinks
 * are followed inside the tree. The given tree stays as it is. CONFIG_INVALID when a target exists and is of
 * the other type.
 */
export function withMountTargets(tree: Tree, targets: readonly MountTarget[]): Tree {
  return targets.reduce(withTarget, tree);
}

function withTarget(tree: Tree, { path: typed, type, mode }: MountTarget): Tree {
  const { path, entry } = resolvePath(tree, typed);
  const put = (made: TreeEntry): Tree => ({
    root: withEntry(tree.root, { components: path.split("/"), made, typed }),
  });
  if (entry === undefined) {
    if (type === "file") return put(emptyFile());
    return put({ ...impliedDirectory(), ...(mode === undefined ? {} : { mode }) });
  }
  if (entry.type === "directory" && type === "dir" && mode !== undefined && mode !== entry.mode)
    return put({ ...entry, mode });
  if ((entry.type === "directory") === (type === "dir")) return tree;
  throw new Failure(
    "CONFIG_INVALID",
    `cannot mount on ${typed}: the image has a ${entry.type} there, not a ${type === "dir" ? "directory" : "file"}`,
  );
}

function withEntry(
  directory: TreeDirectory,
  { components, made, typed }: { components: readonly ByteString[]; made: TreeEntry; typed: string },
): TreeDirectory {
  const [name = "", ...rest] = components;
  const existing = directory.children.get(name);
  if (existing !== undefined && existing.type !== "directory")
    throw new Failure(
      "CONFIG_INVALID",
      `cannot mount on ${typed}: a ${existing.type} of the image is on the way`,
    );
  const child =
    rest.length === 0 ? made : withEntry(existing ?? impliedDirectory(), { components: rest, made, typed });
  return { ...directory, children: new Map(directory.children).set(name, child) };
}

function emptyFile(): RegularFile {
  return { type: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0n, xattrs: [], size: 0, sha256: "" };
}
