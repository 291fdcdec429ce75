/** The runtime configuration of a deployment: the image's own, or one that berth makes. Pure. */
import type { ExecConfig } from "../oci/image-config.ts";
import { parseRuntimeConfig, type RuntimeConfig } from "../oci/runtime-config.ts";
import type { TemplateValues } from "../render/substitute.ts";
import type { Render } from "../render/templates.ts";
import { ALL_CAPABILITIES, capabilitiesIn } from "../runtime/capabilities.ts";
import { NOTIFY_SOCKET, ociNeeds } from "../runtime/oci-service.ts";
import { SYSTEMD_NAMESPACES } from "../runtime/systemd-service.ts";
import { configTargets, imageConfig, missingSources, withHostParts } from "./exports-config.ts";
import { kernelPaths } from "./kernel-paths.ts";
import { bind, MOUNTED_BY_SYSTEMD, type Mounts, mountsOf, tmpfsTargets } from "./mounts.ts";
import type { PathKind } from "./path-kind.ts";
import type { Facts } from "./plan.ts";
import { processOf } from "./process.ts";
import type { InstallRequest } from "./request.ts";

/** What podman gives a container: enough for a service to bind a low port and drop to its own user, no more. */
export const CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
];

export interface ConfigContext {
  facts: Facts;
  render: Render;
  /** For the image's templates, all but the unit's command line. */
  values: TemplateValues;
  notify: boolean;
  watchdog: number | undefined;
  /** What a path of the host is, or will be once the deployment's own files are there. */
  kindOf: (path: string) => PathKind;
}

export interface PlannedConfig {
  config: RuntimeConfig;
  mounts: Mounts;
  /** The image's own, before anything of berth's or the admin's was added; undefined where berth makes one. */
  own: RuntimeConfig | undefined;
  /** What was changed in the image's own, for people. */
  notes: string[];
}

/** @throws Failure CONFIG_INVALID, VALUE_MISSING, TEMPLATE_INVALID */
export function planConfig(name: string, request: InstallRequest, context: ConfigContext): PlannedConfig {
  const { facts, values } = context;
  const writable = request.writable !== undefined;
  const own = facts.exports && imageConfig(facts.exports, values, { facts, writable });
  if (own === undefined) return makeConfig(name, request, context);
  const given = mountsOf(name, request, {
    ...facts,
    networkFiles: [],
    image: { ...facts.image, config: { ...facts.image.config, volumes: [] } },
  });
  const { notify, watchdog, kindOf } = context;
  const config = withHostParts(own.config, {
    ...{ request, facts, notify, watchdog },
    mounts: given,
    cgroupsPath:
      facts.runtime.kind === "oci" ? ociNeeds(facts.runtime, `${name}.service`).cgroupsPath : undefined,
  });
  // What lies below a mount is made there.
  const bySystemd = MOUNTED_BY_SYSTEMD.filter(
    ({ path }) =>
      facts.runtime.kind !== "oci" &&
      !config.mounts.some(({ destination }) => path.startsWith(`${destination}/`)),
  );
  const hasLines = facts.exports?.tmpfilesTemplate !== undefined;
  const sources = new Set(given.sources.map(({ path }) => path));
  const missing = hasLines ? [] : missingSources(config, { facts, kindOf });
  return {
    config,
    mounts: {
      ...given,
      targets: [...bySystemd, ...configTargets(config, kindOf), ...tmpfsTargets(config)],
      sources: [...given.sources, ...missing.filter(({ path }) => !sources.has(path))],
    },
    own: own.config,
    notes: [
      ...own.notes,
      ...(request.privileged === true
        ? ["--privileged changes nothing: the image brings its own configuration"]
        : []),
    ],
  };
}

function makeConfig(name: string, request: InstallRequest, context: ConfigContext): PlannedConfig {
  const { facts, render, notify, watchdog } = context;
  const { runtime, user, isExecutable } = facts;
  const mounts = mountsOf(name, request, facts);
  const environment = [...pairs(request.values), ...pairs(request.environment)];
  const needs =
    runtime.kind === "oci" ? ociNeeds(runtime, `${name}.service`) : { namespaces: SYSTEMD_NAMESPACES };
  const bound = [...mounts.mounts];
  if (runtime.kind === "oci" && notify) {
    environment.push(`NOTIFY_SOCKET=${NOTIFY_SOCKET}`);
    if (watchdog !== undefined) environment.push(`WATCHDOG_USEC=${watchdog * 1_000_000}`);
    bound.push(bind("/run/systemd/notify", NOTIFY_SOCKET, { readonly: false }));
  }
  const process = processOf(startOf(facts), { user, environment, isExecutable });
  const privileged = request.privileged ?? false;
  const bounding = privileged ? capabilitiesIn(facts.capabilities ?? ALL_CAPABILITIES) : CAPABILITIES;
  // What a process of another user could regain through a set-user-ID file is bounded; it begins with none.
  const held = user.uid === 0 ? bounding : [];
  const text = render("config.json.ejs", {
    name,
    process,
    privileged,
    capabilities: { bounding, effective: held, permitted: held, inheritable: [], ambient: [] },
    mounts: bound,
    readonly: request.writable === undefined,
    ...kernelPaths(runtime),
    namespaces: needs.namespaces.map((type) => ({ type })),
    cgroupsPath: "cgroupsPath" in needs ? needs.cgroupsPath : undefined,
  });
  const config = parseRuntimeConfig(text, "the rendered config.json");
  const targets = [...mounts.targets, ...tmpfsTargets(config)];
  return { config, mounts: { ...mounts, targets }, own: undefined, notes: [] };
}

/** What Atomic started where an image of the format names no program. */
const DEFAULT_PROGRAM = "run.sh";

function startOf({ exports, image: { config } }: Facts): ExecConfig {
  const isNamed = config.entrypoint.length + config.cmd.length > 0;
  return isNamed || exports === undefined ? config : { ...config, cmd: [DEFAULT_PROGRAM] };
}

function pairs(record: Record<string, string>): string[] {
  return Object.entries(record).map(([name, value]) => `${name}=${value}`);
}
