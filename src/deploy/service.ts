/** The service of a deployment: its runtime configuration, and how its runtime says that in a unit. Pure. */
import { Failure } from "../errors.ts";
import type { RuntimeConfig } from "../oci/runtime-config.ts";
import { chrootService } from "../runtime/chroot-service.ts";
import { deviceDirectives } from "../runtime/mounts.ts";
import { managesCgroup, ociService } from "../runtime/oci-service.ts";
import { resourceDirectives } from "../runtime/resources.ts";
import {
  type Bundle,
  type Directive,
  formatRuntime,
  type OciRuntime,
  type Runtime,
  type Service,
} from "../runtime/runtime.ts";
import { systemdService } from "../runtime/systemd-service.ts";
import { isRecord } from "../runtime/translation.ts";

export interface ServiceOptions {
  runtime: Runtime;
  bundle: Bundle;
  /** Where a path of the container leads, seen from its root. */
  resolve(path: string): string;
  /** As systemd names it. */
  stopSignal: string | undefined;
  /** Start without what the runtime cannot give, instead of refusing. */
  lossy: boolean;
  /** Version of the host's systemd; undefined where it is not known. */
  systemdVersion: number | undefined;
}

export interface PlannedService extends Service {
  /** As it is written for the runtime. */
  config: RuntimeConfig;
  /** The file of the deployment that the environment is to be written to; undefined where the configuration brings it. */
  environmentFile: "environment" | undefined;
}

/**
 * Limits stand in the unit under every runtime; the rest is the runtime's.
 * @throws Failure RUNTIME_UNSUPPORTED naming all that the runtime cannot give, unless `lossy`.
 */
export function serviceOf(config: RuntimeConfig, options: ServiceOptions): PlannedService {
  const limits = resourceDirectives(config.linux?.["resources"]);
  const service = runtimeService(config, options);
  const { runtime } = options;
  const unsupported = [
    ...service.unsupported,
    // A runtime with a control group of its own does there what the unit cannot.
    ...(runtime.kind === "oci" && managesCgroup(runtime) ? [] : limits.unsupported),
  ];
  if (!options.lossy) refuse(unsupported, runtime);
  return {
    ...service,
    directives: [...service.directives, ...limits.directives, ...deviceLimits(config, runtime)],
    unsupported,
    config:
      runtime.kind === "oci"
        ? withoutLimits(config, { runtime, keep: limits.unsupported.length > 0 })
        : config,
    environmentFile: runtime.kind === "oci" ? undefined : "environment",
  };
}

function runtimeService(
  config: RuntimeConfig,
  { runtime, bundle, resolve, stopSignal, systemdVersion: version }: ServiceOptions,
): Service {
  const environmentFile = `${bundle.dir}/environment`;
  switch (runtime.kind) {
    case "oci":
      return ociService(runtime, { ...bundle, stopSignal });
    case "systemd":
      return systemdService(config, { ...bundle, environmentFile, version });
    case "chroot":
      return chrootService(config, { ...bundle, environmentFile, chroot: runtime.path, resolve, version });
  }
}

/** Where no runtime keeps the container from devices, the unit does. */
function deviceLimits(config: RuntimeConfig, runtime: Runtime): Directive[] {
  if (runtime.kind !== "oci" || managesCgroup(runtime)) return [];
  const { directives } = deviceDirectives(config.linux ?? {});
  return [["DevicePolicy", "closed"], ...directives.filter(([key]) => key !== "BindPaths")];
}

/** What stands in the unit is not limited a second time; rules for devices stay with a runtime that can keep them. */
function withoutLimits(
  config: RuntimeConfig,
  { runtime, keep }: { runtime: OciRuntime; keep: boolean },
): RuntimeConfig {
  const { resources, ...linux } = config.linux ?? {};
  if (!isRecord(resources)) return config;
  if (managesCgroup(runtime) && keep) return config;
  const { devices } = resources;
  const left = managesCgroup(runtime) && devices !== undefined ? { resources: { devices } } : {};
  return { ...config, linux: { ...linux, ...left } };
}

function refuse(unsupported: readonly string[], runtime: Runtime): void {
  if (unsupported.length === 0) return;
  throw new Failure(
    "RUNTIME_UNSUPPORTED",
    `the runtime ${formatRuntime(runtime)} cannot give what the configuration asks for: ${unsupported.join("; ")}`,
    {
      hint: "install it with an OCI runtime (--runtime runc or --runtime crun), or go without with --runtime-lossy",
    },
  );
}
