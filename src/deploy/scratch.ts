/**
 * Checkouts that are no deployments: what `mount` shows of an image, what a single run runs in. One that nobody has any more,
 * since its command was killed, the machine went down, or somebody used umount(8), goes with the next command that comes by.
 */
import { existsSync, mkdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import { makeStage, removeStaleStages, type Stage } from "../store/stage.ts";
import { mountsOf } from "../sys/mount-points.ts";
import { unmountBelow } from "./unmount.ts";

/** Names the unit that runs in it. */
const UNIT = "unit";

/** A new directory of the state directory; its owner's end frees its lock. */
export async function makeScratch(host: Host): Promise<Stage> {
  mkdirSync(host.layout.scratch, { recursive: true, mode: 0o700 });
  await removeStaleScratch(host);
  return makeStage({ tmp: host.layout.scratch });
}

/** Where a command runs once. */
export interface Scratch {
  dir: string;
  /** Of the unit (without its ending), and for an OCI runtime of the container. */
  id: string;
}

/** A directory for one run of something named `name`; when `use` is over, so is the unit, and nothing is left. */
export async function withScratch<T>(
  host: Host,
  name: string,
  use: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const stage = await makeScratch(host);
  const { dir } = stage;
  try {
    const id = `berth-run-${name}-${basename(dir)}`;
    // Before the unit starts: it belongs to this command, and ends with it.
    await writeFile(join(dir, UNIT), `${id}.service`);
    return await use({ dir, id });
  } finally {
    await stopUnit(host, dir);
    await unmountBelow(dir);
    await stage.remove();
  }
}

/** Removes what no living command has and nobody has mounted. */
export async function removeStaleScratch(host: Host): Promise<void> {
  const tmp = host.layout.scratch;
  if (!existsSync(tmp)) return;
  await removeStaleStages({ tmp }, async (dir) => {
    await stopUnit(host, dir);
    if (mountsOf(join(dir, "rootfs")).length > 0) return true;
    await unmountBelow(dir);
    return false;
  });
}

async function stopUnit(host: Host, dir: string): Promise<void> {
  try {
    const unit = await readFile(join(dir, UNIT), "utf8");
    if (host.offline) return;
    const systemd = await host.systemd();
    if ((await systemd.unit(unit)).loadState !== "not-found") await systemd.stop(unit);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}
