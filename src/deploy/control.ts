/** start, stop, restart: systemd's jobs for the units of containers, awaited. */
import { causesOf, Failure, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { findContainer, requireService } from "./containers.ts";
import { graphOfContainers } from "./graph.ts";
import { sortByOrder } from "./order-graph.ts";
import { restoreUnit } from "./restore-unit.ts";
import { startUnit } from "./start.ts";

export type ControlVerb = "start" | "stop" | "restart";

export interface Controlled {
  name: string;
  state: string;
  /** Why it did not do what was asked. */
  error?: { code: string; message: string; causes: string[] };
}

/**
 * All at once, in the order that their units have: systemd holds a job until those that come before it are over, as at boot, so
 * that independent ones go side by side. One that fails stops those alone that require it.
 * @throws Failure NOT_INSTALLED before anything is done; of a single name its JOB_FAILED, with the last log lines.
 */
export async function control(
  host: Host,
  verb: ControlVerb,
  names: readonly string[],
): Promise<Controlled[]> {
  host.requireRoot(`${verb} a service`);
  requireRunning(host, verb);
  for (const name of new Set(names)) {
    const container = await findContainer(host, name);
    requireService(container);
    if (verb !== "stop") await restoreUnit(host, container);
  }
  const [only] = names;
  if (only !== undefined && names.length === 1) return [await controlOne(host, verb, only)];
  const ordered = await orderedFor(host, verb, [...new Set(names)]);
  // Begun one after the other, without waiting between them: calls reach systemd in this order.
  return Promise.all(ordered.map((name) => attempt(host, verb, name)));
}

/**
 * What comes first is asked for first: a job waits for those that are there already. A stop, and the first half of a
 * restart, go the other way round.
 */
async function orderedFor(host: Host, verb: ControlVerb, names: readonly string[]): Promise<string[]> {
  const units = names.map((name) => `${name}.service`);
  const sorted = sortByOrder(await graphOfContainers(host, units), units);
  const ordered = verb === "start" ? sorted : sorted.reverse();
  return ordered.map((unit) => unit.slice(0, -".service".length));
}

async function attempt(host: Host, verb: ControlVerb, name: string): Promise<Controlled> {
  try {
    return await controlOne(host, verb, name);
  } catch (error) {
    if (!isFailure(error, "JOB_FAILED")) throw error;
    const { activeState } = await (await host.systemd()).unit(`${name}.service`);
    const { code, message } = error;
    return { name, state: activeState, error: { code, message, causes: causesOf(error) } };
  }
}

async function controlOne(host: Host, verb: ControlVerb, name: string): Promise<Controlled> {
  const unit = `${name}.service`;
  if (verb !== "stop") return { name, state: (await startUnit(host, unit, verb)).activeState };
  const systemd = await host.systemd();
  host.report({ type: "step", step: "stop", name });
  const result = await systemd.stop(unit, "replace", { signal: host.signal });
  const { activeState, result: unitResult } = await systemd.unit(unit);
  if (result === "done" && (activeState === "inactive" || activeState === "failed"))
    return { name, state: activeState };
  throw new Failure("JOB_FAILED", `${unit} did not stop: job ${result}, result ${unitResult}`, {
    hint: `see systemctl status ${unit}`,
  });
}

/** @throws Failure USAGE under an offline root */
export function requireRunning(host: Host, verb: string): void {
  if (!host.offline) return;
  throw new Failure("USAGE", `${verb} needs a running system; --root names a tree that does not run`);
}
