import { parseHealthProbe } from "../deploy/health.ts";
import { parseNetwork } from "../deploy/network.ts";
import type { InstallRequest } from "../deploy/request.ts";
import { Failure } from "../errors.ts";
import type { RunningOptions } from "./running.ts";

/** Of a request, what RunningOptions say. USAGE for what cannot be. */
export function runningRequest(
  options: RunningOptions,
): Pick<
  InstallRequest,
  "runtime" | "runtimeLossy" | "privileged" | "writable" | "network" | "notify" | "watchdog" | "health"
> {
  const { healthCmd: cmd, healthTcp: tcp, healthHttp: http, healthTimeout: limit } = options;
  if (options.watchdog === 0) throw new Failure("USAGE", "--watchdog must be at least one second");
  const probe = parseHealthProbe({ cmd, tcp, http });
  if (!options.health && probe !== undefined)
    throw new Failure("USAGE", "--no-health and a health check exclude each other");
  const off = options.health ? undefined : true;
  const asked = probe !== undefined || limit !== undefined || off === true;
  return {
    runtime: options.runtime,
    ...(options.runtimeLossy ? { runtimeLossy: true } : {}),
    ...(options.privileged ? { privileged: true } : {}),
    ...(options.writable === undefined ? {} : { writable: options.writable }),
    ...(options.network === undefined ? {} : { network: parseNetwork(options.network) }),
    notify: options.notify,
    ...(options.watchdog === undefined ? {} : { watchdog: options.watchdog }),
    ...(asked ? { health: { probe, limit, off } } : {}),
  };
}
