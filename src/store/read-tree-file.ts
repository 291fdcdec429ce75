import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Failure, isErrno } from "../errors.ts";
import { resolvePath, type Tree } from "../layer/tree.ts";
import { printable } from "../oci/printable.ts";
import type { Layout } from "./layout.ts";
import { objectName } from "./object-name.ts";

const DEFAULT_LIMIT = 4 * 1024 * 1024;

/**
 * The content of a regular file of the tree, checked against its digest; undefined when there is none at
 * `path`. Symlinks are followed inside the tree. CONFIG_INVALID for what is no file or has more than `limit`
 * bytes, STORE_CORRUPT.
 */
export function readTreeFile(
  layout: Layout,
  tree: Tree,
  { path, limit = DEFAULT_LIMIT }: { path: string; limit?: number | undefined },
): Buffer | undefined {
  const { entry } = resolvePath(tree, path);
  if (entry === undefined) return undefined;
  const what = `${printable(path)} in the image`;
  if (entry.type !== "file") throw new Failure("CONFIG_INVALID", `${what} is a ${entry.type}, not a file`);
  if (entry.size > limit)
    throw new Failure("CONFIG_INVALID", `${what} has ${entry.size} bytes, at most ${limit} are read`);
  if (entry.size === 0) return Buffer.alloc(0);
  const object = layout.object(objectName(entry.sha256, entry));
  const bytes = readObject(object);
  if (hash("sha256", bytes, "hex") === entry.sha256) return bytes;
  throw new Failure("STORE_CORRUPT", `object ${object} (${what}) is damaged`);
}

function readObject(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isErrno(error, "ENOENT"))
      throw new Failure("STORE_CORRUPT", `object ${path} is missing`, { cause: error });
    throw error;
  }
}
