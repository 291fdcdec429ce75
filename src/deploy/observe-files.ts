/** What the host has where a container's files are or shall be, and which containers have them. Changes nothing. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import { statIfThere } from "../sys/if-there.ts";
import { resolveInRoot } from "../sys/resolve-in-root.ts";
import type { FilesFacts, Found, Other } from "./decide-files.ts";
import { type InstalledFile, isForbidden, parentsOf } from "./installed-files.ts";
import { namesWithLedger, readLedger, type Tracked } from "./ledger.ts";
import { seenFrom } from "./paths.ts";

export interface ObservedFiles {
  /** What was wanted, at the paths that the host gives it. */
  wanted: InstalledFile[];
  facts: FilesFacts;
}

/**
 * `strict`: a file that would come to lie where none may is refused; else it is left out.
 * @throws Failure CONFIG_INVALID, HOST_FILE_CONFLICT
 */
export async function observeFiles(
  host: Host,
  { name, files, strict }: { name: string; files: readonly InstalledFile[]; strict: boolean },
): Promise<ObservedFiles> {
  const { root } = host.config;
  const ledger = await readLedger(host.layout, name);
  const settledFiles = ledger.files.map((entry) => locatedEntry(root, entry));
  const state = locateWith(root, seenFrom(root, host.config.state), true);
  const wanted = await locateFiles(root, files, { state, strict });
  const paths = new Set([...settledFiles, ...wanted].map(({ path }) => path));
  for (const path of [...paths]) for (const parent of parentsOf(path)) paths.add(parent);
  const found = new Map<string, Found>();
  for (const path of paths) {
    const content = await readFound(join(root, path));
    if (content !== undefined) found.set(path, content);
  }
  const others = paths.size === 0 ? new Map() : await othersWith(host, name);
  return { wanted, facts: { ledger: { ...ledger, files: settledFiles }, found, others } };
}

/** What lies at `path`, itself; undefined where nothing does. */
export async function readFound(path: string): Promise<Found | undefined> {
  try {
    const stats = await lstat(path);
    const { uid, gid } = stats;
    if (stats.isDirectory()) return { type: "directory" };
    if (stats.isSymbolicLink()) return { type: "symlink", target: await readlink(path), uid, gid };
    if (!stats.isFile()) return { type: "other" };
    return { type: "file", sha256: await sha256Of(path), mode: stats.mode & 0o7777, uid, gid };
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Where a path of the host leads, seen from its root; the last name itself is not followed. */
export function locate(root: string, path: string): string {
  return locateWith(root, path, false);
}

/** By path, the other containers that have it on the host. */
export async function othersWith(host: Host, name: string): Promise<Map<string, Other[]>> {
  const others = new Map<string, Other[]>();
  for (const other of await namesWithLedger(host.layout)) {
    if (other === name) continue;
    for (const entry of (await readLedger(host.layout, other)).files) {
      const { path, made } = locatedEntry(host.config.root, entry);
      others.set(path, [...(others.get(path) ?? []), { name: other, made }]);
    }
  }
  return others;
}

function locatedEntry(root: string, entry: Tracked): Tracked {
  return { ...entry, path: locate(root, entry.path) };
}

async function locateFiles(
  root: string,
  files: readonly InstalledFile[],
  { state, strict }: { state: string; strict: boolean },
): Promise<InstalledFile[]> {
  const located = new Map<string, InstalledFile>();
  for (const file of files) {
    const path = await locateFile(root, file);
    // Of a directory that holds something, what it holds is named.
    const isNamed = file.type !== "directory" || file.empty;
    if (isNamed && (isForbidden(path) || path === "/" || `${path}/`.startsWith(`${state}/`))) {
      const message = `${file.path} leads to ${path} on this host: nothing is put there`;
      if (strict) throw new Failure("HOST_FILE_CONFLICT", message);
      continue;
    }
    const other = located.get(path);
    if (other !== undefined && (other.type !== "directory" || file.type !== "directory"))
      throw new Failure(
        "CONFIG_INVALID",
        `on this host ${other.path} and ${file.path} of the image are the same`,
      );
    located.set(path, { ...(other ?? file), path });
  }
  return [...located.values()];
}

/** A directory may be a symlink to one. */
async function locateFile(root: string, file: InstalledFile): Promise<string> {
  if (file.type !== "directory") return locate(root, file.path);
  const path = locateWith(root, file.path, true);
  const found = await statIfThere(join(root, path));
  return found?.isDirectory() === true ? path : locate(root, file.path);
}

function locateWith(root: string, path: string, last: boolean): string {
  try {
    return seenFrom(root, resolveInRoot(root, path, { keepLast: !last }));
  } catch (cause) {
    if (!isErrno(cause, "ELOOP")) throw cause;
    throw new Failure("HOST_FILE_CONFLICT", `${path} leads nowhere on this host: a loop of symlinks`, {
      cause,
    });
  }
}

/** In hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
