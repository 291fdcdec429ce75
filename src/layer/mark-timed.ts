import type { ByteString } from "./byte-string.ts";
import type { Tree, TreeDirectory } from "./tree.ts";

/** `mod.cpython-311.pyc`, `mod.cpython-311.opt-1.pyc`: bytecode of `mod.py` (PEP 3147, PEP 488). */
const BYTECODE = /^(.+?)\.[a-z]+-[0-9]+(?:\.opt-[0-9a-z]+)?\.pyc$/i;

/**
 * Marks the sources whose time Python compares with the one that the bytecode beside them records. Where they differ it compiles the source anew at
 * each start, since it cannot write the result into a read-only root. For a tree that nobody has seen yet.
 */
export function markTimed(tree: Tree): void {
  const pending = [tree.root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const cache = directory.children.get("__pycache__");
    if (cache?.type === "directory") markSources(directory, cache);
    for (const entry of directory.children.values()) if (entry.type === "directory") pending.push(entry);
  }
}

function markSources(directory: TreeDirectory, cache: TreeDirectory): void {
  const sources = new Set<ByteString>();
  for (const name of cache.children.keys()) {
    const module = BYTECODE.exec(name)?.[1];
    if (module !== undefined) sources.add(`${module}.py`);
  }
  for (const name of sources) {
    const source = directory.children.get(name);
    if (source?.type === "file") source.timed = true;
  }
}
