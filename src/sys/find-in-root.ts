/** Programs below a directory that will be somebody's root: symlinks lead where they will lead then. */
import { accessSync, constants, lstatSync } from "node:fs";
import { join } from "node:path";
import { resolveInRoot } from "./resolve-in-root.ts";

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
    lstatSync(resolveInRoot(root, path));
    return true;
  } catch {
    return false;
  }
}

function isExecutable(root: string, path: string): boolean {
  try {
    const found = resolveInRoot(root, path);
    accessSync(found, constants.X_OK);
    return lstatSync(found).isFile();
  } catch {
    return false; // absent, or not for us
  }
}
