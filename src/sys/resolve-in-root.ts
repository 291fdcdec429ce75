/** Paths below a directory that will be somebody's root: symlinks lead where they will lead then, never out of it. */
import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";

/** As the kernel's limit for one lookup. */
const MAX_SYMLINKS = 40;

export interface ResolveOptions {
  /** Take a link at the end of the path as it is. */
  keepLast?: boolean;
}

/**
 * The real path of `path`, which is seen from `root`; of what does not exist, where it would be made. `..` leads no higher than
 * the root. Throws ELOOP for a loop of links.
 */
export function resolveInRoot(root: string, path: string, { keepLast = false }: ResolveOptions = {}): string {
  const pending = path.split("/").reverse();
  const names: string[] = [];
  let followed = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      names.pop();
      continue;
    }
    const at = join(root, ...names, name);
    const isLast = pending.every((rest) => rest === "" || rest === ".");
    if (!statOf(at)?.isSymbolicLink() || (isLast && keepLast)) {
      names.push(name);
      continue;
    }
    if (++followed > MAX_SYMLINKS)
      throw Object.assign(new Error(`ELOOP: too many symlinks, '${join(root, path)}'`), { code: "ELOOP" });
    const target = readlinkSync(at);
    if (target.startsWith("/")) names.length = 0;
    pending.push(...target.split("/").reverse());
  }
  return join(root, ...names);
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
