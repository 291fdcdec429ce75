/**
 * What the laboratory makes once and keeps: in `.cache/` of the project, or where BERTH_CACHE says. An entry's name holds a
 * hash of its recipe, so a changed recipe is a new entry; deleting the directory is always safe while nothing runs.
 */
import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isErrno } from "../../../src/errors.ts";

export const projectDir: string = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

export const cacheDir: string = resolve(process.env["BERTH_CACHE"] || join(projectDir, ".cache"));

export interface Recipe {
  /** First part of the entry's name; older entries of the same kind are removed when a new one is made. */
  kind: string;
  /** What the entry is made from: any data. */
  from: unknown;
  /** Fills the empty directory. It gets its final name only when this resolves. */
  make(dir: string): Promise<void>;
}

/** The directory of the entry, made now unless it is there. */
export async function cached({ kind, from, make }: Recipe): Promise<string> {
  const key = createHash("sha256").update(JSON.stringify(from)).digest("hex").slice(0, 16);
  const dir = join(cacheDir, `${kind}-${key}`);
  if (await exists(dir)) return dir;
  await mkdir(cacheDir, { recursive: true });
  const unfinished = await mkdtemp(join(cacheDir, `.new-${kind}-`));
  try {
    await make(unfinished);
    await removeOlder(kind, basename(dir));
    await rename(unfinished, dir).catch((error: unknown) => {
      // Another process was faster: its entry is as good.
      if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "EEXIST")) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return dir;
}

/** All but `kept`, which another process may have made meanwhile and use. */
async function removeOlder(kind: string, kept: string): Promise<void> {
  const older = (await readdir(cacheDir)).filter(
    (name) => name !== kept && name.match(/^(.*)-[0-9a-f]{16}$/)?.[1] === kind,
  );
  await Promise.all(older.map((name) => rm(join(cacheDir, name), { recursive: true, force: true })));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The path of a file that lies beside the laboratory's own sources. */
export function labFile(name: string): string {
  return join(dirname(fileURLToPath(import.meta.url)), name);
}
