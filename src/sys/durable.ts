/** Files and links that are whole after a power cut: written aside, synced, renamed, and the directory synced. */
import { hash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { lstat, open, readdir, rename, rm, rmdir, symlink, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { hasCode } from "./if-there.ts";

/** In bytes: 255 less a process id of seven digits, 12 digits more, and four characters between them. */
const LONGEST_NAME = 232;

/**
 * Writes or replaces `path` with `text`, at exactly this mode whatever the umask says.
 * Fails with EEXIST when `path` is anything but a regular file: a rename would replace a device, or a link that someone
 * made on purpose.
 */
export async function writeDurably(
  path: string,
  text: string | Uint8Array,
  { mode }: { mode: number },
): Promise<void> {
  await refuseIrregular(path);
  await removeStaleAsides(path);
  const aside = asideOf(path);
  try {
    const file = await open(aside, "wx", mode);
    try {
      await file.writeFile(text);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function refuseIrregular(path: string): Promise<void> {
  try {
    if ((await lstat(path)).isFile()) return;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  throw Object.assign(new Error(`${path} is not a regular file; it is not replaced`), {
    code: "EEXIST",
    path,
  });
}

/** Makes or replaces the symbolic link `path` by one rename. */
export async function linkDurably(path: string, target: string): Promise<void> {
  await removeStaleAsides(path);
  const aside = asideOf(path);
  await symlink(target, aside);
  try {
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Removes a file or link; whether there was one. */
export async function removeDurably(path: string): Promise<boolean> {
  await removeStaleAsides(path);
  try {
    await rm(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
  await syncDirectory(dirname(path));
  return true;
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Removes what processes that were killed had written aside for `path`. */
export async function removeStaleAsides(path: string): Promise<void> {
  const directory = dirname(path);
  for (const name of await namesIn(directory)) {
    const aside = parseAside(name);
    if (aside?.name === asideName(path) && !existsSync(`/proc/${aside.pid}`))
      await removeAside(join(directory, name));
  }
}

/** A directory that stands aside is empty. */
async function removeAside(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    if (!hasCode(error, "EISDIR")) throw error;
    await rmdir(path);
  }
}

/** The names of files in `directory` for which something stands aside. */
export async function asidesIn(directory: string): Promise<string[]> {
  return (await namesIn(directory)).flatMap((name) => parseAside(name)?.name ?? []);
}

/** In the same directory, hidden, and not a name that systemd or tmpfiles would read; it says whose it is. */
export function asideOf(path: string): string {
  return join(dirname(path), `.${asideName(path)}.${process.pid}-${randomBytes(6).toString("hex")}~`);
}

/** The name that stands aside; of one that would be too long with what says whose it is, its SHA-256. */
function asideName(path: string): string {
  const name = basename(path);
  return Buffer.byteLength(name) <= LONGEST_NAME ? name : hash("sha256", name, "hex");
}

function parseAside(file: string): { name: string; pid: string } | undefined {
  const [, name, pid] = /^\.(.+)\.(\d+)-[0-9a-f]{12}~$/.exec(file) ?? [];
  return name === undefined || pid === undefined ? undefined : { name, pid };
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return [];
    throw error;
  }
}
