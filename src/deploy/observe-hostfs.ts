/** Where an image has its files for the host, and what they hold. */
import { bytesOf } from "../layer/byte-string.ts";
import { resolvePath, type Tree } from "../layer/tree.ts";
import type { Layout } from "../store/layout.ts";
import { readTreeFile } from "../store/read-tree-file.ts";
import type { Facts } from "./plan.ts";

export function observeHostfs(layout: Layout, tree: Tree): Facts["hostfs"] {
  const { path: base, entry } = resolvePath(tree, "/exports/hostfs");
  if (entry?.type !== "directory") return undefined;
  const hostfs: Tree = { root: entry };
  return {
    base: bytesOf(base).toString(),
    contentOf: (path) => readTreeFile(layout, hostfs, { path: bytesOf(path).toString() }) ?? Buffer.alloc(0),
  };
}
