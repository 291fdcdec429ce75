/** start, stop, restart: systemd's job for a container's unit, awaited. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import { findContainer } from "./containers.ts";
import { startUnit } from "./start.ts";

export interface Controlled {
  name: string;
  state: string;
}

/** @throws Failure NOT_INSTALLED, JOB_FAILED with systemd's result and the last log lines. */
export async function control(
  host: Host,
  verb: "start" | "stop" | "restart",
  name: string,
): Promise<Controlled> {
  host.requireRoot(`${verb} a service`);
  requireRunning(host, verb);
  const { unit } = await findContainer(host, name);
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
