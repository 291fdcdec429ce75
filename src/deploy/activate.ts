/**
 * activate: the one change of a running system. The image's files and berth's own by rename, the NAME link by one rename, enablement, one
 * daemon-reload, accounts and state directories. Install, update and rollback choose the deployment; they have written the
 * journal, start the service themselves, and undo a failure. Doing it again does nothing more.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../host.ts";
import { linkDurably } from "../sys/durable.ts";
import { disable, enable, isEnabled, reenable } from "./enablement.ts";
import { findMask } from "./free-name.ts";
import { placeHostFile, removeHostFile } from "./host-files.ts";
import type { Info } from "./info.ts";
import { isInstallChanged } from "./order-files.ts";
import { type FileOutcome, filesRequestOf, settleFiles } from "./settle-files.ts";

export interface Activated {
  to: Info;
  /** The deployment whose place `to` takes: what only it has on the host goes. Without it the unit is enabled. */
  from?: Info;
  /** A way back is gone whatever is in the way: it stays, and the container does without. */
  back?: boolean;
}

/** @throws Failure HOST_FILE_CONFLICT before anything is changed, unless it goes back. */
export async function activate(host: Host, { to, from, back = false }: Activated): Promise<FileOutcome[]> {
  const { name, deployment } = to.berth;
  const unit = `${name}.service`;
  host.report({ type: "step", step: "activate", name });
  const [had, has] = [from !== undefined && hasService(from), hasService(to)];
  const outcomes = await settleFiles(host, {
    ...filesRequestOf(to),
    ...(back && { conflicts: "keep" }),
    dir: host.layout.deployment(name, deployment),
  });
  if (had && !has) await disable(host, unit);
  await writeHostFiles(host, to);
  await removeSuperseded(host, { to, from });
  await linkDurably(host.layout.container(name), `${name}.${deployment}`);
  // A preset may say no, and a mask does.
  const isNew = has && !had && to.berth.enabled !== false && (await findMask(host, unit)) === undefined;
  // An update leaves enablement as it is, since the admin may have changed it; but what is enabled is so as the unit says.
  if (isNew) await enable(host, unit);
  else if (
    from !== undefined &&
    had &&
    has &&
    (await hasNewInstall(host, { to, from })) &&
    (await isEnabled(host, unit))
  )
    await reenable(host, unit);
  if (host.offline) return outcomes;
  const systemd = await host.systemd();
  await systemd.reload();
  await makeAccountsAndDirectories(to);
  return outcomes;
}

async function writeHostFiles({ config, layout }: Host, { berth }: Info): Promise<void> {
  const dir = layout.deployment(berth.name, berth.deployment);
  for (const { path, file, mode } of berth.hostFiles) {
    await placeHostFile(join(config.root, path), { text: await readFile(join(dir, file)), mode });
  }
}

/** An image may bring files for the host and no service. */
function hasService(info: Info): boolean {
  return info["has-container-service"] !== false;
}

/** Whether the units of the two differ in [Install]. */
async function hasNewInstall({ layout }: Host, { to, from }: { to: Info; from: Info }): Promise<boolean> {
  const unitOf = ({ berth: { name, deployment } }: Info): Promise<string> =>
    readFile(join(layout.deployment(name, deployment), `${name}.service`), "utf8");
  return isInstallChanged(await unitOf(from), await unitOf(to));
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
