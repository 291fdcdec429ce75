/**
 * Which directories of the host are a container's own state: those that berth made for it, or that the admin let it have. The
 * record outlives an uninstall, as the state does, so that the next install of the name finds its data. What is not on record
 * is somebody else's: an image chooses the name of its container and its volumes, and would choose /var/lib/dpkg/info.
 */
import { mkdir, readFile } from "node:fs/promises";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Layout } from "../store/layout.ts";
import { removeDurably, writeDurably } from "../sys/durable.ts";
import { isThere } from "../sys/if-there.ts";
import { placeInRoot } from "./paths.ts";
import { ownState } from "./volume.ts";

/** Paths as the service's system sees them, sorted; none for a name that never had any. */
export async function recordedState(layout: Layout, name: string): Promise<string[]> {
  const path = layout.stateRecord(name);
  try {
    const { directories } = JSON.parse(await readFile(path, "utf8")) as { directories?: unknown };
    if (!Array.isArray(directories)) throw new SyntaxError("it names no directories");
    return directories.map(String);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    if (!(error instanceof SyntaxError)) throw error;
    throw new Failure("STORE_CORRUPT", `${path} cannot be read`, {
      cause: error,
      hint: `remove it; the state of ${name} is taken again with --adopt-state`,
    });
  }
}

/** Before a directory is made: whoever finds it later must find it on record. */
export async function recordState(layout: Layout, name: string, paths: readonly string[]): Promise<void> {
  const before = await recordedState(layout, name);
  await write(layout, name, [...new Set([...before, ...ownState(paths)])].sort(), before);
}

/** After they are gone. */
export async function forgetState(layout: Layout, name: string, paths: readonly string[]): Promise<void> {
  const before = await recordedState(layout, name);
  const after = before.filter((path) => !paths.includes(path));
  await write(layout, name, after, before);
}

/**
 * @throws Failure HOST_FILE_CONFLICT for a directory of `paths` that exists and is neither on record nor among `own`, the
 *   state of the container's present deployment.
 */
export async function refuseForeignState(
  { config, layout }: Host,
  name: string,
  { paths, own = [] }: { paths: readonly string[]; own?: readonly string[] | undefined },
): Promise<void> {
  const known = new Set([...own, ...(await recordedState(layout, name))]);
  for (const path of ownState(paths)) {
    if (known.has(path)) continue;
    const target = placeInRoot(config.root, path);
    if (!(await isThere(target))) continue;
    throw new Failure(
      "HOST_FILE_CONFLICT",
      `${target} exists and is not the state of a container ${name}: it would be given to the image`,
      {
        hint: "install under another name with --name, or move it away; if the container is to have it: berth install --adopt-state",
      },
    );
  }
}

async function write(
  layout: Layout,
  name: string,
  after: readonly string[],
  before: readonly string[],
): Promise<void> {
  if (after.length === before.length && after.every((path) => before.includes(path))) return;
  const path = layout.stateRecord(name);
  if (after.length === 0) {
    await removeDurably(path);
    return;
  }
  await mkdir(layout.stateRecords, { recursive: true, mode: 0o700 });
  await writeDurably(path, `${JSON.stringify({ schema: 1, name, directories: after }, undefined, 2)}\n`, {
    mode: 0o600,
  });
}
