import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../errors.ts";
import { renameNoReplace } from "../sys/renameat2.ts";
import { breather } from "./files.ts";
import type { Layout } from "./layout.ts";

/**
 * Moves staged objects to their places: a whole directory where the store has none of that prefix, else one by
 * one. One that exists stays as it is, since checkouts share it, unless it is `damaged`. Not to be
 * interrupted: it is faster to finish than to undo.
 */
export async function publishObjects(
  layout: Layout,
  { from, damaged }: { from: string; damaged: ReadonlySet<string> },
): Promise<void> {
  const breathe = breather(undefined, "pull");
  for (const prefix of readdirSync(from)) {
    const staged = join(from, prefix);
    if (moveDirectory(staged, join(layout.objects, prefix))) continue;
    for (const name of readdirSync(staged)) {
      moveObject(join(staged, name), { to: layout.object(name), replace: damaged.has(name) });
      await breathe();
    }
  }
}

/** Whether `to` was missing or empty, and so could be replaced. */
function moveDirectory(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "EEXIST")) throw error;
    return false;
  }
}

function moveObject(from: string, { to, replace }: { to: string; replace: boolean }): void {
  try {
    if (replace) renameSync(from, to);
    else renameNoReplace(from, to);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}
