/** berth's own static units (units/): whether a host has them, and putting them there. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findHome } from "../home.ts";
import type { Host } from "../host.ts";
import { writeDurably } from "../sys/durable.ts";
import { textIfThere } from "../sys/if-there.ts";

/** Enabled where they are installed; others wait for the admin. */
const ENABLED = ["berth-recover.service"];

/** Names of units of berth's that the unit directory lacks or has in another form. */
export async function missingUnits({ config }: Host): Promise<string[]> {
  const names = await readdir(unitSource());
  const same = await Promise.all(
    names.map(
      async (name) =>
        (await textIfThere(join(config.unitDirectory, name))) ===
        (await textIfThere(join(unitSource(), name))),
    ),
  );
  return names.filter((_, at) => !same[at]);
}

/** Copies those that are missing and enables what recovers at boot. Returns their names. */
export async function installUnits(host: Host): Promise<string[]> {
  host.requireRoot("install units");
  const missing = await missingUnits(host);
  for (const name of missing) {
    await writeDurably(join(host.config.unitDirectory, name), await readFile(join(unitSource(), name)), {
      mode: 0o644,
    });
  }
  const enabled = missing.filter((name) => ENABLED.includes(name));
  if (host.offline) {
    const { enableOffline } = await import("../systemd/offline.ts");
    for (const name of enabled) await enableOffline(host.config.root, name, host.config.unitDirectory);
  } else if (missing.length > 0) {
    const systemd = await host.systemd();
    await systemd.enable(enabled);
    await systemd.reload();
  }
  return missing;
}

function unitSource(): string {
  return join(findHome(), "units");
}
