import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "./files.ts";
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

/** Removes what dead processes left, but for what `isNeeded` says of its directory: it is asked while nobody else has it. */
export async function removeStaleStages(
  { tmp }: Pick<Layout, "tmp">,
  isNeeded: (dir: string) => Promise<boolean> = async () => false,
): Promise<void> {
  for (const name of readdirSync(tmp)) {
    if (!name.endsWith(LOCK_SUFFIX)) continue;
    const path = join(tmp, name);
    const dir = path.slice(0, -LOCK_SUFFIX.length);
    using lock = tryLockFile(path, "exclusive");
    if (lock === undefined || (await isNeeded(dir))) continue;
    await removeTree(dir);
    unlinkSync(path);
  }
}
