/** A container whose unit a mask kept away, or that someone removed: its host files are put there when they are needed. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../host.ts";
import { type Container, findContainer } from "./containers.ts";
import { isMask, placeHostFile } from "./host-files.ts";
import type { Info } from "./info.ts";
import { lockContainer } from "./lock.ts";

/** Puts back the host files that are missing, and enables the unit if it was one of them. */
export async function restoreUnit(host: Host, container: Container): Promise<void> {
  if ((await missingFiles(host, container)).length === 0) return;
  // Perhaps it is on its way out.
  const lock = await lockContainer(host, container.name);
  try {
    await restoreLocked(host, await findContainer(host, container.name));
  } finally {
    lock.release();
  }
}

async function restoreLocked(host: Host, container: Container): Promise<void> {
  const { dir, unit, info } = container;
  const missing = await missingFiles(host, container);
  for (const { path, file, mode } of missing)
    await placeHostFile(join(host.config.root, path), { text: await readFile(join(dir, file)), mode });
  const systemd = await host.systemd();
  if (info.berth.enabled !== false && missing.some(({ file }) => file === unit)) await systemd.enable([unit]);
  await systemd.reload();
}

async function missingFiles({ config }: Host, { info }: Container): Promise<Info["berth"]["hostFiles"]> {
  const missing = [];
  for (const file of info.berth.hostFiles) {
    if (!(await isThere(join(config.root, file.path)))) missing.push(file);
  }
  return missing;
}

async function isThere(path: string): Promise<boolean> {
  if (await isMask(path)) return true;
  return access(path).then(
    () => true,
    () => false,
  );
}
