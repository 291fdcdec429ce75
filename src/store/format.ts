import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { publishFile, syncDirectory } from "./files.ts";
import type { Layout } from "./layout.ts";
import { lockFile } from "./locks.ts";

const FORMAT = 1;

/** Refuses (STORE_FORMAT) a store that a later berth made. False when there is no store. */
export function checkFormat(layout: Layout): boolean {
  const text = readFormat(layout.format);
  if (text === undefined) return false;
  const version = /^berth-store (\d+)\n$/.exec(text)?.[1];
  if (version === undefined) throw new Failure("STORE_FORMAT", `${layout.format} is not a store's`);
  if (Number(version) > FORMAT)
    throw new Failure("STORE_FORMAT", `${layout.store} has format ${version}, this berth knows ${FORMAT}`, {
      hint: "Update berth.",
    });
  return true;
}

/** Makes the directories of a store and writes its format last. Several processes may do so at once. */
export async function createStore(layout: Layout): Promise<void> {
  for (const dir of [
    layout.state,
    layout.store,
    layout.tmp,
    layout.objects,
    layout.layers,
    layout.images,
    layout.names,
    layout.scratch,
    layout.containers,
    layout.journals,
    layout.containerLocks,
    layout.stateRecords,
  ])
    makeDirectory(dir);
  using _ = await lockFile(layout.lock, { mode: "exclusive" });
  if (existsSync(layout.format)) return;
  const tmp = join(layout.tmp, "format");
  rmSync(tmp, { force: true }); // of one that was killed
  publishFile(layout.format, { bytes: `berth-store ${FORMAT}\n`, tmp });
  syncDirectory(layout.state);
}

function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw asNotRoot(error, dir);
  }
}

function asNotRoot(error: unknown, path: string): unknown {
  if (!isErrno(error, "EACCES") && !isErrno(error, "EPERM")) return error;
  return new Failure("NOT_ROOT", `cannot use ${path}: permission denied`, {
    hint: "Run berth as root.",
    cause: error,
  });
}

function readFormat(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw asNotRoot(error, path);
  }
}
