/** Paths on both sides of an offline root. */
import { relative } from "node:path";

/** `path` as the system below `root` will see it; a path outside the root stays as it is. */
export function seenFrom(root: string, path: string): string {
  const inside = relative(root, path);
  return inside.startsWith("..") ? path : `/${inside}`;
}
