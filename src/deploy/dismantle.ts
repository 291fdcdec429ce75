/**
 * Takes a container off the host: what uninstall does, what a failed install undoes, and what the next command does for an
 * interrupted one. Each step holds when it was done before, so it can be begun again at any point.
 */
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { removeDurably, syncDirectory } from "../sys/durable.ts";
import { deploymentsOf, findContainer, leftoversOf } from "./containers.ts";
import { removeEmpty, removeHostFile } from "./host-files.ts";
import { type RemovalIntent, removeIntent } from "./journal.ts";
import { placeInRoot } from "./paths.ts";
import { removeMarked } from "./remove-marked.ts";
import { removeSettings } from "./settings.ts";
import { type FileOutcome, removeFiles } from "./settle-files.ts";
import { forgetState } from "./state-record.ts";
import { removeUnmounted, unmountBelow } from "./unmount.ts";

/**
 * The order matters: a unit that is disabled and stopped first is not started again while its files go. Returns what became of the
 * image's files on the host.
 */
export async function dismantle(
  host: Host,
  intent: RemovalIntent,
  { awaitStop = true }: { awaitStop?: boolean } = {},
): Promise<FileOutcome[]> {
  const { layout, config } = host;
  const unit = `${intent.name}.service`;
  host.report({ type: "step", step: "remove", name: intent.name });
  if (host.offline) {
    const { disableOffline } = await import("../systemd/offline.ts");
    await disableOffline(config.root, unit, config.unitDirectory);
  } else {
    const systemd = await host.systemd();
    if (awaitStop) await stop(host, unit);
    await systemd.disable([unit]);
  }
  if (awaitStop) await removeMarkedOf(host, intent);
  const files = await removeFiles(host, intent.name, { purge: intent.purge ?? false });
  for (const path of intent.hostFiles) await removeHostFile(join(config.root, path), config.unitDirectory);
  if (!host.offline) {
    const systemd = await host.systemd();
    await systemd.reload();
    await systemd.resetFailed(unit);
  }
  // From here on it is not installed; what is left is a matter of space.
  await removeDurably(layout.container(intent.name));
  await removeSettings(layout, intent.name);
  await removeDeployments(host, intent.name);
  for (const path of intent.state) await removeState(host, path);
  await forgetState(layout, intent.name, intent.forgotten ?? []);
  for (const path of intent.emptied) await removeEmpty(placeInRoot(config.root, path));
  await removeIntent(layout, intent.name);
  return files;
}

/** Without a readable record nobody can say what must stay, so all does. */
async function removeMarkedOf(host: Host, { name, purge = false }: RemovalIntent): Promise<void> {
  try {
    const { info } = await findContainer(host, name);
    await removeMarked(host, info, { purge });
  } catch (error) {
    if (!isFailure(error, "NOT_INSTALLED") && !isFailure(error, "STORE_CORRUPT")) throw error;
  }
}

/** Stops the unit and sees that it did: what still runs must not lose its files. */
async function stop(host: Host, unit: string): Promise<void> {
  const systemd = await host.systemd();
  const before = await systemd.unit(unit);
  if (before.activeState === "inactive" && before.loadState === "not-found") return;
  await systemd.stop(unit);
  const { activeState } = await systemd.unit(unit);
  if (activeState !== "inactive" && activeState !== "failed") {
    throw new Failure("JOB_FAILED", `${unit} does not stop: it is ${activeState}`, {
      hint: `see systemctl status ${unit}, then run the command again`,
    });
  }
}

/** Renamed before they are emptied, so that no deployment is ever half there under its name. */
async function removeDeployments({ layout }: Host, name: string): Promise<void> {
  const numbers = await deploymentsOf(layout, name);
  for (const number of numbers) {
    await unmountBelow(layout.deployment(name, number));
    await rename(layout.deployment(name, number), layout.deploymentOld(name, number));
  }
  if (numbers.length > 0) await syncDirectory(layout.containers);
  for (const path of await leftoversOf(layout, name)) await removeUnmounted(path);
}

/** What is mounted there loses its content as all of the state does; where it is mounted is the admin's affair. */
async function removeState({ config, report }: Host, path: string): Promise<void> {
  const target = placeInRoot(config.root, path);
  try {
    await rm(target, { recursive: true, force: true });
  } catch (error) {
    if (!isErrno(error, "EBUSY")) throw error;
    report({ type: "warning", message: `${target} is not removed whole: something is mounted there` });
  }
}
