/** Drop-ins of a container's unit that are not berth's: they hold over berth's own, and stay when it goes. */
import { relative } from "node:path";
import type { Host } from "../host.ts";
import { dropInsOf, UNIT_PATH } from "../systemd/install-section.ts";

/** Their paths as the service's system sees them. */
export async function adminDropIns({ config }: Host, unit: string): Promise<string[]> {
  const { root, unitDirectory } = config;
  const directories = [`/${relative(root, unitDirectory)}`, "/run/systemd/system", ...UNIT_PATH];
  const dropIns = await dropInsOf(root, unit, [...new Set(directories)]);
  return [...dropIns]
    .filter(([name]) => name !== "10-berth.conf")
    .map(([, path]) => `/${relative(root, path)}`)
    .sort();
}
