/** Whether a unit starts at boot, on a running host and in a tree that does not run. daemon-reload is the caller's. */
import type { Host } from "../host.ts";

export async function enable(host: Host, unit: string): Promise<void> {
  if (!host.offline) return (await host.systemd()).enable([unit]);
  const { enableOffline } = await import("../systemd/offline.ts");
  await enableOffline(host.config.root, unit, host.config.unitDirectory);
}

export async function disable(host: Host, unit: string): Promise<void> {
  if (!host.offline) return (await host.systemd()).disable([unit]);
  const { disableOffline } = await import("../systemd/offline.ts");
  await disableOffline(host.config.root, unit, host.config.unitDirectory);
}

/** Links as [Install] says now, and no others. */
export async function reenable(host: Host, unit: string): Promise<void> {
  await disable(host, unit);
  await enable(host, unit);
}

export async function isEnabled(host: Host, unit: string): Promise<boolean> {
  if (!host.offline) return (await (await host.systemd()).fileState(unit)) === "enabled";
  const { isEnabledOffline } = await import("../systemd/offline.ts");
  return isEnabledOffline(host.config.root, unit);
}
