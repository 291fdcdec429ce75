/** Paths on both sides of an offline root. */
import { join, relative } from "node:path";
import { resolveInRoot } from "../sys/resolve-in-root.ts";

/** `path` as the system below `root` will see it; a path outside the root stays as it is. */
export function seenFrom(root: string, path: string): string {
  const inside = relative(root, path);
  return inside.startsWith("..") ? path : `/${inside}`;
}

/**
 * Where `path`, as the system below `root` sees it, lies on this host: a link of the tree leads where it will lead there. The
 * last name is taken as it is.
 */
export function placeInRoot(root: string, path: string): string {
  return root === "/" ? join(root, path) : resolveInRoot(root, path, { keepLast: true });
}
