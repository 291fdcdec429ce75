import { statSync } from "node:fs";
import { isErrno } from "../errors.ts";
import { resolveInRoot } from "../sys/resolve-in-root.ts";

export type PathKind = "dir" | "file" | "absent";

/** What the system of the tree `root` has at `path`, symlinks followed inside the tree. */
export function pathKind(root: string, path: string): PathKind {
  try {
    return statSync(resolveInRoot(root, path)).isDirectory() ? "dir" : "file";
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR") || isErrno(error, "ELOOP")) return "absent";
    throw error;
  }
}
