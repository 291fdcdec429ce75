/** The record of an adoption: how the host was before it, until the admin confirms. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Layout } from "../store/layout.ts";
import { removeDurably, writeDurably } from "../sys/durable.ts";
import { mountsBelow, mountsOf, readAllMounts } from "../sys/mount-points.ts";
import { currentDeployment, deploymentsOf } from "./containers.ts";
import { enable, isEnabled } from "./enablement.ts";
import { placeHostFile, removeEmpty, removeHostFile } from "./host-files.ts";
import { readInfo } from "./info.ts";
import { removeLedger } from "./ledger.ts";
import { recordNames } from "./record-names.ts";
import { removeSettings } from "./settings.ts";
import { filesRequestOf, settleFiles } from "./settle-files.ts";
import { removeDeployment } from "./standings.ts";

export interface Adoption {
  schema: 1;
  name: string;
  /** Atomic's directory of checkouts, as the service's system sees it. */
  from: string;
  /** The number of the deployment that was current. */
  current: number;
  /** `begun` until all is done: an interrupted one is undone. `confirmed` while what Atomic had goes: there is no way back. */
  state: "begun" | "adopted" | "confirmed";
  enabled: boolean;
  running: boolean;
  /** Host files that the adoption changes, as the service's system sees them; null for one that was not there. */
  files: { path: string; text: string | null; mode: number }[];
}

export async function writeAdoption(layout: Layout, adoption: Adoption): Promise<void> {
  await mkdir(layout.adoptions, { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify(adoption, undefined, 2)}\n`;
  await writeDurably(layout.adoption(adoption.name), text, { mode: 0o600 });
}

export async function readAdoption(layout: Layout, name: string): Promise<Adoption | undefined> {
  const path = layout.adoption(name);
  try {
    const adoption = JSON.parse(await readFile(path, "utf8")) as Partial<Adoption>;
    if (adoption.schema !== 1 || adoption.name !== name)
      throw new SyntaxError("it is not a record of this version of berth");
    return adoption as Adoption;
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new Failure("STORE_CORRUPT", `${path} cannot be read`, { cause });
  }
}

/** Of all adoptions that wait for a confirmation or were interrupted, sorted. */
export async function adoptedNames({ adoptions }: Layout): Promise<string[]> {
  return recordNames(adoptions);
}

export async function removeAdoption(layout: Layout, name: string): Promise<void> {
  await removeDurably(layout.adoption(name));
  await removeEmpty(layout.adoptions);
}

/**
 * Atomic has the container again, as it was: units, enablement, and a service that ran runs. One that berth has restarted meanwhile is
 * restarted once more, from Atomic's checkout. The caller holds the container's lock.
 */
export async function undoAdoption(host: Host, adoption: Adoption): Promise<void> {
  const { layout, config } = host;
  const { name } = adoption;
  const unit = `${name}.service`;
  host.report({ type: "step", step: "undo", name });
  for (const { path, text, mode } of adoption.files) {
    const target = join(config.root, path);
    if (text === null) await removeHostFile(target, config.unitDirectory);
    else await placeHostFile(target, { text, mode });
  }
  if (!host.offline) await (await host.systemd()).reload();
  if (adoption.enabled && !(await isEnabled(host, unit))) await enable(host, unit);
  const numbers = await deploymentsOf(layout, name);
  if (!host.offline && adoption.running) {
    const systemd = await host.systemd();
    const isOurs = numbers.some((number) => isSeen(layout.deployment(name, number)));
    if (isOurs || (await systemd.unit(unit)).activeState !== "active") await systemd.restart(unit);
  }
  if ((await currentDeployment(layout, name)) !== undefined) await removeDurably(layout.container(name));
  await giveBackFiles(host, adoption, numbers);
  await removeSettings(layout, name);
  for (const number of numbers) await removeDeployment(layout, name, number);
  await removeAdoption(layout, name);
}

/** Removes what Atomic had; doing it again goes on where it stopped. The caller holds the container's lock. */
export async function finishConfirmation(host: Host, adoption: Adoption): Promise<void> {
  const { layout, config } = host;
  const { name, from } = adoption;
  await writeAdoption(layout, { ...adoption, state: "confirmed" });
  await removeDurably(join(config.root, from, name));
  for (const dir of checkoutsOf(host, adoption)) await rm(dir, { recursive: true, force: true });
  await removeAdoption(layout, name);
}

/** Atomic's, whether they are there or not. */
export function checkoutsOf({ config }: Host, { name, from }: Adoption): string[] {
  return [0, 1].map((number) => join(config.root, from, `${name}.${number}`));
}

/** Those that Atomic had there, where a rollback has changed them; berth keeps no account of them any more. */
async function giveBackFiles(
  host: Host,
  { name, current }: Adoption,
  numbers: readonly number[],
): Promise<void> {
  const dir = host.layout.deployment(name, current);
  // Without a ledger none was taken over, or the container is uninstalled and they are gone.
  if (numbers.includes(current) && existsSync(host.layout.ledger(name)))
    await settleFiles(host, { ...filesRequestOf(await readInfo(dir)), conflicts: "keep", dir });
  await removeLedger(host.layout, name);
}

/** Whether a process has the deployment in `dir` for its root, or somebody looks at it. */
export function isSeen(dir: string): boolean {
  const mounts = readAllMounts();
  return mountsOf(join(dir, "rootfs"), mounts).length > 0 || mountsBelow(dir, mounts).length > 0;
}
