/**
 * activate: the one change of a running system. Host files by rename, the NAME link by one rename, enablement, one
 * daemon-reload, accounts and state directories. Install, update and rollback choose the deployment; they have written the
 * journal, start the service themselves, and undo a failure. Doing it again does nothing more.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Host } from "../host.ts";
import { linkDurably } from "../sys/durable.ts";
import { placeHostFile, removeHostFile } from "./host-files.ts";
import type { Info } from "./info.ts";
import { findMask } from "./observe.ts";

/** `from` is the deployment whose place `to` takes: what only it has on the host goes. Without it the unit is enabled. */
export async function activate(host: Host, { to, from }: { to: Info; from?: Info }): Promise<void> {
  const { name, deployment } = to.berth;
  const unit = `${name}.service`;
  host.report({ type: "step", step: "activate", name });
  await writeHostFiles(host, to);
  await removeSuperseded(host, { to, from });
  await linkDurably(host.layout.container(name), `${name}.${deployment}`);
  // A preset may say no, and a mask does.
  const isNew =
    from === undefined && to.berth.enabled !== false && (await findMask(host, unit)) === undefined;
  if (host.offline) {
    const { enableOffline } = await import("../systemd/offline.ts");
    if (isNew) await enableOffline(host.config.root, unit, host.config.unitDirectory);
    return;
  }
  const systemd = await host.systemd();
  // An update leaves enablement as it is: the admin may have changed it.
  if (isNew) await systemd.enable([unit]);
  await systemd.reload();
  await makeAccountsAndDirectories(to);
}

async function writeHostFiles({ config, layout }: Host, { berth }: Info): Promise<void> {
  const dir = layout.deployment(berth.name, berth.deployment);
  for (const { path, file, mode } of berth.hostFiles) {
    await placeHostFile(join(config.root, path), { text: await readFile(join(dir, file)), mode });
  }
}

async function removeSuperseded(
  { config }: Host,
  { to, from }: { to: Info; from: Info | undefined },
): Promise<void> {
  const kept = new Set(to.berth.hostFiles.map(({ path }) => path));
  const superseded = from?.berth.hostFiles.filter(({ path }) => !kept.has(path)) ?? [];
  for (const { path } of superseded) await removeHostFile(join(config.root, path), config.unitDirectory);
}

/** Accounts first: directories may be theirs. */
async function makeAccountsAndDirectories({ berth }: Info): Promise<void> {
  const { createTmpfiles, createSysusers } = await import("../systemd/tmpfiles.ts");
  const filesOf = (kind: string): string[] =>
    berth.hostFiles.filter(({ file }) => file.startsWith(kind)).map(({ path }) => path);
  for (const path of filesOf("sysusers-")) await createSysusers(path);
  for (const path of filesOf("tmpfiles-")) await createTmpfiles(path);
}
