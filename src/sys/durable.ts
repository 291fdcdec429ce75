/** Files and links that are whole after a power cut: written aside, synced, renamed, and the directory synced. */
import { randomBytes } from "node:crypto";
import { lstat, open, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

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

/** In the same directory, hidden, and not a name that systemd or tmpfiles would read. */
function asideOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}~`);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
