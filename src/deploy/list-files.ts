/** The files of images that containers have on the host, and whether they are as berth put them there. */
import { join } from "node:path";
import type { Host } from "../host.ts";
import { type Content, namesWithLedger, readLedger } from "./ledger.ts";
import { locate, readFound } from "./observe-files.ts";
import { type FileState, stateOf } from "./owns.ts";

export interface ListedFile {
  path: string;
  type: Content["type"];
  /** Whether berth put it there; else it was there before, the same. */
  made: boolean;
  state: FileState;
}

/** Of one container, sorted by path. */
export async function listFiles(host: Host, name: string): Promise<ListedFile[]> {
  const { root } = host.config;
  const listed: ListedFile[] = [];
  for (const entry of (await readLedger(host.layout, name)).files) {
    host.checkInterrupted();
    const path = locate(root, entry.path);
    const state = stateOf(await readFound(join(root, path)), entry);
    listed.push({ path, type: entry.versions[0]?.type ?? "file", made: entry.made, state });
  }
  return listed;
}

export interface ChangedFile {
  /** The container. */
  name: string;
  path: string;
  state: Exclude<FileState, "unchanged">;
}

/** Those that are not as berth put them there, of the containers of these names. */
export async function changedFiles(host: Host, names: ReadonlySet<string>): Promise<ChangedFile[]> {
  const changed: ChangedFile[] = [];
  for (const name of await namesWithLedger(host.layout)) {
    if (!names.has(name)) continue;
    for (const { path, state } of await listFiles(host, name))
      if (state !== "unchanged") changed.push({ name, path, state });
  }
  return changed;
}
