/** The files that Atomic put on the host, as berth keeps account of its own. */
import { copyFile, lstat, readdir, readlink } from "node:fs/promises";
import { join, normalize } from "node:path";
import { isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import { statIfThere } from "../sys/if-there.ts";
import type { AtomicDeployment } from "./atomic-layout.ts";
import type { InstalledFile } from "./installed-files.ts";
import { contentOf, writeLedger } from "./ledger.ts";
import { locate, sha256Of } from "./observe-files.ts";
import { lockFiles } from "./settle-files.ts";

/**
 * What a deployment of Atomic's has on the host. Its contents are put into the new deployment in `staged`, from the host where nobody edited
 * them, else from the image; one that neither has, as it is a rendered template that was edited, is left out: it stays the admin's. Of a
 * package they are the package's.
 */
export async function adoptFiles(
  { config, report }: Host,
  old: AtomicDeployment,
  { staged }: { staged: string },
): Promise<InstalledFile[]> {
  if (old.rpm !== undefined) return [];
  const files: InstalledFile[] = [];
  const contents = await contentsOf(join(old.dir, "rootfs/exports/hostfs"));
  for (const key of old.installedFiles) {
    const path = normalize(`/${key}`);
    const place = join(config.root, locate(config.root, path));
    const stat = await statIfThere(place);
    const recorded = old.checksums[key] ?? "0";
    if (stat?.isDirectory()) {
      const { uid, gid, mode } = stat;
      files.push({ type: "directory", path, uid, gid, mode: mode & 0o7777, empty: true });
    } else if (stat?.isSymbolicLink()) {
      files.push({ type: "symlink", path, uid: stat.uid, gid: stat.gid, target: await readlink(place) });
    } else if (recorded !== "0") {
      const same = stat?.isFile() === true && (await sha256Of(place)) === recorded;
      const from = same ? place : contents.get(recorded);
      if (from === undefined) {
        const message = `${path} is edited, and what it was is not known: berth leaves it alone`;
        report({ type: "warning", message });
        continue;
      }
      const source = `adopted-${files.length}`;
      await copyFile(from, join(staged, source));
      const { uid, gid, mode } = stat ?? (await lstat(from));
      files.push({
        ...{ type: "file", path, uid, gid, mode: mode & 0o7777 },
        ...{ sha256: recorded, source, link: false },
      });
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** From here on they are berth's to replace and to remove, as long as nobody has edited them. */
export async function trackAdopted(host: Host, name: string, files: readonly InstalledFile[]): Promise<void> {
  if (files.length === 0) return;
  using _ = await lockFiles(host);
  const tracked = files.map((file) => ({
    path: locate(host.config.root, file.path),
    versions: [contentOf(file)],
    made: true,
  }));
  await writeLedger(host.layout, name, { schema: 1, settled: true, files: tracked });
}

/** The regular files below a directory, by the SHA-256 of what they hold. */
async function contentsOf(dir: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  try {
    for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) found.set(await sha256Of(path), path);
    }
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "ENOTDIR")) throw error;
  }
  return found;
}
