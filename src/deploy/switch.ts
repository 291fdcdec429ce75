/**
 * A switch from one deployment of a container to another: what update and rollback have in common. The service that runs is
 * restarted and watched; when it does not come up or does not stay up, all is as it was and the error says why.
 */
import { rename } from "node:fs/promises";
import { Failure, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Layout } from "../store/layout.ts";
import { syncDirectory } from "../sys/durable.ts";
import { activate } from "./activate.ts";
import { currentDeployment, deploymentsOf, leftoversOf } from "./containers.ts";
import { type Info, readInfo } from "./info.ts";
import { removeIntent, type SwitchIntent } from "./journal.ts";
import { marksAnything, removeMarked } from "./remove-marked.ts";
import type { FileOutcome } from "./settle-files.ts";
import { recordActivation, removeDeployment, restoreActivation } from "./standings.ts";
import { startUnit, watchUnit } from "./start.ts";
import { unmountBelow } from "./unmount.ts";

export interface SwitchOptions {
  /** How long the service must stay up, in milliseconds. */
  watchMs: number;
}

/**
 * Makes `intent.to` current; what became of the image's files on the host. The caller has written the journal, which is gone when
 * this returns or throws.
 * @throws Failure UPDATE_ROLLED_BACK with the cause when the service did not come up; INTERRUPTED.
 */
export async function switchDeployment(
  host: Host,
  intent: SwitchIntent,
  { watchMs }: SwitchOptions,
): Promise<FileOutcome[]> {
  const { layout } = host;
  const { name, from, to } = intent;
  const unit = `${name}.service`;
  const dependents = intent.ran ? await activeDependents(host, unit) : [];
  let files: FileOutcome[];
  try {
    const [old, next] = [await infoOf(host, name, from), await infoOf(host, name, to)];
    const goesOn = intent.ran && next["has-container-service"] !== false;
    if (intent.ran && !goesOn) await (await host.systemd()).stop(unit);
    await takeMarked(host, old, { runs: intent.ran });
    files = await activate(host, { to: next, from: old, back: intent.action === "rollback" });
    host.checkInterrupted();
    if (goesOn) {
      await startUnit(host, unit, "restart");
      await startStopped(host, dependents);
      await watchUnit(host, unit, { forMs: watchMs });
      await unmountRoot(host, name, from);
    }
    await recordActivation(layout, name, { deployment: to, previous: from });
  } catch (error) {
    await switchBackAfter(error, host, { intent, dependents });
    throw rolledBack(error, intent);
  }
  await removeIntent(layout, name);
  return files;
}

/** Goes back after `error`, which the user must see even when there is no way back: it is thrown then, and the journal stays. */
export async function switchBackAfter(
  error: unknown,
  host: Host,
  { intent, dependents = [] }: { intent: SwitchIntent; dependents?: readonly string[] },
): Promise<void> {
  try {
    await switchBack(host, intent, { waiting: true, dependents });
  } catch (failed) {
    const reason = failed instanceof Error ? failed.message : String(failed);
    const message = `the ${intent.action} of ${intent.name} could not be undone (${reason}): run \`berth recover\``;
    host.report({ type: "warning", message });
    throw error;
  }
}

/**
 * Goes back to `intent.from`, from any point of the switch. `waiting`: jobs are waited for; at boot they cannot be.
 * `dependents` are units that ran before and that the failure may have taken down.
 */
export async function switchBack(
  host: Host,
  intent: SwitchIntent,
  { waiting, dependents = [] }: { waiting: boolean; dependents?: readonly string[] },
): Promise<void> {
  const { layout } = host;
  const { name, from, to } = intent;
  // As long as the displaced deployment has its number, before it made way or after it came back, there is none of `to`.
  const away = intent.displaced && (await isDisplaced(layout, name, to));
  const isThere = intent.displaced === away && (await deploymentsOf(layout, name)).includes(to);
  const old = await infoOf(host, name, from);
  // Nothing of `to` is on the host before it is whole.
  const taken = isThere ? await infoOf(host, name, to) : old;
  host.report({ type: "step", step: "go back", name });
  if (intent.ran && waiting && !host.offline) await stopFailing(host, `${name}.service`);
  // What its lines make is there only when it has been activated. Nothing of it outlives a boot.
  const wasActivated = waiting && taken !== old && (await currentDeployment(layout, name)) === to;
  if (wasActivated) await takeMarked(host, taken, { runs: intent.ran });
  await activate(host, { to: old, from: taken, back: true });
  if (intent.ran && !host.offline) await runAgain(host, `${name}.service`, { waiting, dependents });
  if (intent.ran && isThere && waiting) await unmountRoot(host, name, to);
  if (intent.made && isThere) await removeDeployment(layout, name, to);
  if (!intent.made) await restoreActivation(layout, name, { deployment: to, to: intent.activated });
  if (away) await takeBack(host, name, to);
  await removeIntent(layout, name);
}

/** What systemd would start again by itself, or still waits for; what runs goes on until it is restarted. */
async function stopFailing(host: Host, unit: string): Promise<void> {
  const systemd = await host.systemd();
  const { activeState } = await systemd.unit(unit);
  if (activeState !== "active") await systemd.stop(unit);
}

/** The writable root of a deployment that does not run any more: its unit went with it, and would have unmounted it. */
async function unmountRoot(host: Host, name: string, number: number): Promise<void> {
  try {
    await unmountBelow(host.layout.deployment(name, number));
  } catch (error) {
    if (!isFailure(error, "BUSY")) throw error;
    host.report({ type: "warning", message: error.message });
  }
}

/** The deployment whose number another will have gets out of its way. */
export async function displace({ layout }: Host, name: string, number: number): Promise<void> {
  await rename(layout.deployment(name, number), layout.deploymentOld(name, number));
  await syncDirectory(layout.containers);
}

async function isDisplaced(layout: Layout, name: string, number: number): Promise<boolean> {
  return (await leftoversOf(layout, name)).includes(layout.deploymentOld(name, number));
}

async function takeBack({ layout }: Host, name: string, number: number): Promise<void> {
  await rename(layout.deploymentOld(name, number), layout.deployment(name, number));
  await syncDirectory(layout.containers);
}

async function runAgain(
  host: Host,
  unit: string,
  { waiting, dependents }: { waiting: boolean; dependents: readonly string[] },
): Promise<void> {
  const systemd = await host.systemd();
  await systemd.resetFailed(unit);
  if (!waiting) return systemd.queueStart(unit);
  // Not for the user's interrupt to cut short: this is the way back.
  const result = await systemd.restart(unit);
  if (result !== "done") {
    host.report({
      type: "warning",
      message: `${unit} does not start with its former deployment either: job ${result}`,
    });
  }
  await startStopped(host, dependents);
}

/** Those of `units` that do not run: systemd stopped them with a unit they require. */
async function startStopped(host: Host, units: readonly string[]): Promise<void> {
  if (units.length === 0) return;
  const systemd = await host.systemd();
  for (const unit of units) {
    const { activeState } = await systemd.unit(unit);
    if (activeState === "active") continue;
    const result = await systemd.start(unit);
    if (result !== "done")
      host.report({ type: "warning", message: `${unit} ran before and does not start: job ${result}` });
  }
}

/** What the tmpfiles lines of a deployment that leaves mark for removal, while its service does not run. */
async function takeMarked(host: Host, info: Info, { runs }: { runs: boolean }): Promise<void> {
  if (!(await marksAnything(host, info))) return;
  if (runs) await (await host.systemd()).stop(`${info.berth.name}.service`);
  await removeMarked(host, info);
}

/** Units that systemd stops or restarts with this one, and that run. */
async function activeDependents(host: Host, unit: string): Promise<string[]> {
  const systemd = await host.systemd();
  const lists = await Promise.all(
    ["RequiredBy", "BoundBy", "ConsistsOf"].map((property) => systemd.property(unit, "Unit", property)),
  );
  const names = [...new Set(lists.flat() as string[])].filter((name) => name.endsWith(".service"));
  const states = await Promise.all(names.map((name) => systemd.unit(name)));
  return states.filter(({ activeState }) => activeState === "active").map(({ name }) => name);
}

function infoOf({ layout }: Host, name: string, number: number): Promise<Info> {
  return readInfo(layout.deployment(name, number));
}

function rolledBack(error: unknown, { name, action, from, ran }: SwitchIntent): unknown {
  if (!(error instanceof Failure) || error.code === "INTERRUPTED") return error;
  const now = ran
    ? `deployment ${from} runs again`
    : `deployment ${from} is current again, stopped as it was`;
  return new Failure("UPDATE_ROLLED_BACK", `the ${action} of ${name} failed; ${now}`, { cause: error });
}
