import { randomBytes } from "node:crypto";
import { mkdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "./files.ts";
import { entriesOf } from "./image-records.ts";
import type { Layout } from "./layout.ts";
import { tryLockFile } from "./locks.ts";

/** A private directory. Its lock is held as long as its owner lives. */
export interface Stage {
  dir: string;
  remove(): Promise<void>;
  /** Gives up the lock and leaves the directory to whoever needs it. */
  leave(): void;
}

const LOCK_SUFFIX = ".lock";

/**
 * Lock first, then the directory; removed in the other order: a directory without a held lock belongs to
 * nobody.
 */
export function makeStage({ tmp }: Pick<Layout, "tmp">): Stage {
  for (;;) {
    const dir = join(tmp, randomBytes(8).toString("hex"));
    const lock = tryLockFile(dir + LOCK_SUFFIX, "exclusive");
    if (lock === undefined) continue; // a cleaner was faster
    const unlock = (): void => {
      unlinkSync(dir + LOCK_SUFFIX);
      lock.release();
    };
    try {
      mkdirSync(dir, { mode: 0o700 });
    } catch (error) {
      unlock();
      throw error;
    }
    return {
      dir,
      async remove() {
        await removeTree(dir);
        unlock();
      },
      leave: () => lock.release(),
    };
  }
}

/**
 * Removes what dead processes left, but for what `isNeeded` says of its directory: it is asked while nobody else has it. Returns the
 * directories of those that live.
 */
export async function removeStaleStages(
  layout: Pick<Layout, "tmp">,
  isNeeded: (dir: string) => Promise<boolean> = async () => false,
): Promise<string[]> {
  const live: string[] = [];
  for (const dir of stagesOf(layout)) {
    using lock = tryLockFile(dir + LOCK_SUFFIX, "exclusive");
    if (lock === undefined) {
      live.push(dir);
      continue;
    }
    if (await isNeeded(dir)) continue;
    await removeTree(dir);
    unlinkSync(dir + LOCK_SUFFIX);
  }
  return live;
}

/** All, also those that dead processes left. */
export function stagesOf({ tmp }: Pick<Layout, "tmp">): string[] {
  return entriesOf(tmp)
    .filter((name) => name.endsWith(LOCK_SUFFIX))
    .map((name) => join(tmp, name.slice(0, -LOCK_SUFFIX.length)));
}
