/** A container whose unit a mask kept away, or that someone removed: its host files are put there when they are needed. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../host.ts";
import type { Container } from "./containers.ts";
import { isMask, placeHostFile } from "./host-files.ts";

/** Puts back the host files that are missing, and enables the unit if it was one of them. */
export async function restoreUnit(host: Host, { dir, unit, info }: Container): Promise<void> {
  const missing = [];
  for (const file of info.berth.hostFiles) {
    if (!(await isThere(join(host.config.root, file.path)))) missing.push(file);
  }
  if (missing.length === 0) return;
  for (const { path, file, mode } of missing)
    await placeHostFile(join(host.config.root, path), { text: await readFile(join(dir, file)), mode });
  const systemd = await host.systemd();
  if (info.berth.enabled !== false && missing.some(({ file }) => file === unit)) await systemd.enable([unit]);
  await systemd.reload();
}

async function isThere(path: string): Promise<boolean> {
  if (await isMask(path)) return true;
  return access(path).then(
    () => true,
    () => false,
  );
}
