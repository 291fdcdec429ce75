/** Programs below a directory that will be somebody's root: symlinks lead where they will lead then. */
import { accessSync, constants, lstatSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** As the kernel's limit for one lookup. */
const MAX_SYMLINKS = 40;

/** The path, seen from `root`, of `program` as it is found by `path`, a PATH; undefined where it is not. */
export function findInRoot(
  root: string,
  { program, path }: { program: string; path: string },
): string | undefined {
  const candidates = program.includes("/")
    ? [program]
    : path.split(":").flatMap((directory) => (directory.startsWith("/") ? [join(directory, program)] : []));
  return candidates.find((candidate) => isExecutable(root, candidate));
}

/** Whether `path`, seen from `root`, is there. */
export function isInRoot(root: string, path: string): boolean {
  try {
    lstatSync(realPath(root, path));
    return true;
  } catch {
    return false;
  }
}

function isExecutable(root: string, path: string): boolean {
  try {
    const found = realPath(root, path);
    accessSync(found, constants.X_OK);
    return lstatSync(found).isFile();
  } catch {
    return false; // absent, or not for us
  }
}

function realPath(root: string, path: string): string {
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
    if (!lstatSync(at).isSymbolicLink()) {
      names.push(name);
      continue;
    }
    if (++followed > MAX_SYMLINKS) throw new Error(`${path}: too many symlinks`);
    const target = readlinkSync(at);
    if (target.startsWith("/")) names.length = 0;
    pending.push(...target.split("/").reverse());
  }
  return join(root, ...names);
}
