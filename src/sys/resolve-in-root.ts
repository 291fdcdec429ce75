/** Paths below a directory that is, or will be, somebody's root: symlinks lead where they lead then, never out of it. */
import { lstatSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** As the kernel's limit for one lookup. */
const MAX_SYMLINKS = 40;

/**
 * Where `path` leads, seen from `root`: absolute, without `..` and without symlinks on the way; what is not there is taken as it
 * is written. The last name is followed only with `last`.
 * @throws Error (code ELOOP) for a loop of symlinks.
 */
export function resolveInRoot(root: string, path: string, { last }: { last: boolean }): string {
  const pending = namesOf(path);
  const names: string[] = [];
  let followed = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "..") {
      names.pop();
      continue;
    }
    const target = pending.length > 0 || last ? linkAt(join(root, ...names, name)) : undefined;
    if (target === undefined) {
      names.push(name);
      continue;
    }
    if (++followed > MAX_SYMLINKS)
      throw Object.assign(new Error(`${path}: too many symlinks`), { code: "ELOOP", path });
    if (target.startsWith("/")) names.length = 0;
    pending.push(...namesOf(target));
  }
  return `/${names.join("/")}`;
}

/** Last one first. */
function namesOf(path: string): string[] {
  return path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .reverse();
}

function linkAt(path: string): string | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
}
