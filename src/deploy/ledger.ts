/**
 * The ledger of a container: which files of its image it has on the host, as they were when it put them there. It outlives the
 * deployments, so that a file which was edited stays known, and goes with the container.
 */
import { mkdir, readFile } from "node:fs/promises";
import { Failure, isErrno } from "../errors.ts";
import type { Layout } from "../store/layout.ts";
import { removeDurably, writeDurably } from "../sys/durable.ts";
import { removeEmpty } from "./host-files.ts";
import type { InstalledFile } from "./installed-files.ts";
import { recordNames } from "./record-names.ts";

/** What a path of the host holds, as far as it is compared. A directory is as good as another. */
export type Content =
  | { type: "directory" }
  | { type: "symlink"; target: string; uid: number; gid: number }
  | { type: "file"; sha256: string; mode: number; uid: number; gid: number };

export interface Tracked {
  /** On the host, from its root, with the symlinks on the way followed. */
  path: string;
  /** What counts as not edited: what was put there last; of an unsettled ledger, what is being put there too. */
  versions: Content[];
  /** A container put it there; else it was there, the same, and is never changed or removed. */
  made: boolean;
  /** The admin removed it: it is not put there again. Said in an unsettled ledger only. */
  deleted?: true;
}

export interface Ledger {
  schema: 1;
  /** False while files change: of one that is missing nobody knows then who removed it. */
  settled: boolean;
  /** Sorted by path. */
  files: Tracked[];
}

/** Of a container without such files it is empty. @throws Failure STORE_CORRUPT */
export async function readLedger(layout: Layout, name: string): Promise<Ledger> {
  const path = layout.ledger(name);
  try {
    const ledger = JSON.parse(await readFile(path, "utf8")) as Partial<Ledger>;
    if (ledger.schema !== 1 || !Array.isArray(ledger.files))
      throw new SyntaxError("it is not a record of this version of berth");
    return ledger as Ledger;
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return { schema: 1, settled: true, files: [] };
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new Failure("STORE_CORRUPT", `${path} cannot be read`, {
      cause,
      hint: `it says which files of the host are of ${name}: put it back from a copy, or remove it and them by hand`,
    });
  }
}

export async function writeLedger(layout: Layout, name: string, ledger: Ledger): Promise<void> {
  await mkdir(layout.ledgers, { recursive: true, mode: 0o700 });
  await writeDurably(layout.ledger(name), formatLedger(ledger), { mode: 0o600 });
}

export function formatLedger(ledger: Ledger): string {
  return `${JSON.stringify(ledger, undefined, 1)}\n`;
}

/** Nothing is left of it, not even what a killed command began to write. */
export async function removeLedger(layout: Layout, name: string): Promise<void> {
  await removeDurably(layout.ledger(name));
  await removeEmpty(layout.ledgers);
}

/** Names of containers, sorted. */
export async function namesWithLedger({ ledgers }: Layout): Promise<string[]> {
  return recordNames(ledgers);
}

export function contentOf(file: InstalledFile): Content {
  switch (file.type) {
    case "directory":
      return { type: "directory" };
    case "symlink":
      return { type: "symlink", target: file.target, uid: file.uid, gid: file.gid };
    case "file":
      return { type: "file", sha256: file.sha256, mode: file.mode, uid: file.uid, gid: file.gid };
  }
}

/** Whether `found` is one of `versions`, whatever the order of their keys. */
export function isOneOf(found: Content, versions: readonly Content[]): boolean {
  return versions.some((version) => {
    if (found.type !== version.type) return false;
    if (found.type === "directory" || version.type === "directory") return true;
    if (found.uid !== version.uid || found.gid !== version.gid) return false;
    if (found.type === "symlink") return version.type === "symlink" && found.target === version.target;
    return version.type === "file" && found.sha256 === version.sha256 && found.mode === version.mode;
  });
}
