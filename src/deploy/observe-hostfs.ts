/** Where an image has its files for the host, and what they hold. */
import { bytesOf } from "../layer/byte-string.ts";
import { resolvePath, type Tree } from "../layer/tree.ts";
import type { Facts } from "./plan.ts";
import type { ReadNow } from "./remote-rootfs.ts";

export function observeHostfs(tree: Tree, readNow: ReadNow): Facts["hostfs"] {
  const { path: base, entry } = resolvePath(tree, "/exports/hostfs");
  if (entry?.type !== "directory") return undefined;
  const hostfs: Tree = { root: entry };
  return {
    base: bytesOf(base).toString(),
    contentOf: (path) => readNow(hostfs, bytesOf(path).toString()) ?? Buffer.alloc(0),
  };
}
