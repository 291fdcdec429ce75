/**
 * The plan of a deployment: everything an install would write, as data. Pure: what it needs to know of the host and the
 * image is in the facts.
 */
import { join } from "node:path";
import { Failure } from "../errors.ts";
import type { ByteString } from "../layer/byte-string.ts";
import type { MountTarget } from "../layer/mount-targets.ts";
import type { Digest } from "../oci/digest.ts";
import type { ExecConfig } from "../oci/image-config.ts";
import type { ImageUser } from "../oci/image-user.ts";
import { parseRuntimeConfig, type RuntimeConfig } from "../oci/runtime-config.ts";
import type { Render } from "../render/templates.ts";
import { ALL_CAPABILITIES, capabilitiesIn } from "../runtime/capabilities.ts";
import { NOTIFY_SOCKET, ociNeeds } from "../runtime/oci-service.ts";
import { formatRuntime, type Runtime } from "../runtime/runtime.ts";
import { SYSTEMD_NAMESPACES } from "../runtime/systemd-service.ts";
import type { Preset } from "../systemd/presets.ts";
import type { Verdict } from "../trust/verdict.ts";
import { quoteEnvironmentFile } from "../unit/quote.ts";
import { missingAccounts } from "./accounts.ts";
import type { Exports } from "./exports.ts";
import { healthOf } from "./health.ts";
import { formatInfo, type Info } from "./info.ts";
import type { InstalledFile } from "./installed-files.ts";
import { kernelPaths } from "./kernel-paths.ts";
import { bind, type Mounts, mountsOf, tmpfsTargets } from "./mounts.ts";
import { planInstalled, installedRecord } from "./plan-installed.ts";
import { processOf } from "./process.ts";
import type { InstallRequest } from "./request.ts";
import { serviceOf } from "./service.ts";
import type { FileOutcome } from "./settle-files.ts";
import { dropInText, killSignal, tmpfilesText, type UnitContext, unitText } from "./unit-files.ts";
import { type WritableRoot, writableRoot } from "./writable-root.ts";

/** An image asks for readiness by sd_notify with this label set to `true`. */
export const NOTIFY_LABEL = "berth.notify";

/** An image that sends WATCHDOG=1 says with this label how often: a number of seconds in which one has to come. */
export const WATCHDOG_LABEL = "berth.watchdog";

/** An image that changes its data so that older versions cannot read it says so with this label set to `one-way`. */
const DATA_LABEL = "berth.data";

/** What podman gives a container: enough for a service to bind a low port and drop to its own user, no more. */
const CAPABILITIES = [
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

/** Files of the host that a service on the host's network needs to find others by name. */
export const NETWORK_FILES = ["/etc/hosts", "/etc/resolv.conf"] as const;

export interface Facts {
  /** Full name, digest and config of the image. */
  image: { name: string; digest: Digest; config: ExecConfig };
  /** Why the policy accepts it. */
  verdict: Verdict;
  /** Its user, resolved in its own passwd and group files. */
  user: ImageUser;
  isExecutable(path: string): boolean;
  /** Owner and mode of a directory of the image; undefined where it has none there. */
  directory(path: string): { uid: number; gid: number; mode: number } | undefined;
  /** A free number for the deployment. */
  number: number;
  /** The deployment's directory as the system that will run it sees it. */
  dir: string;
  runtime: Runtime;
  /** Those of NETWORK_FILES that the host has. */
  networkFiles: readonly string[];
  /** Of the request's volumes: what the host has at the source. */
  sources: ReadonlyMap<string, "dir" | "file" | "absent">;
  /** Version of the host's systemd; undefined where none runs. */
  systemdVersion?: number | undefined;
  /** Numeric ids the host has accounts for. */
  accounts: { uids: ReadonlySet<number>; gids: ReadonlySet<number> };
  /** Where the host's units, tmpfiles and sysusers lines go, and the directory of berth's state, as that system sees them. */
  paths: { unitDirectory: string; tmpfilesDirectory: string; sysusersDirectory: string; state: string };
  /** What the host's init may give, a bit each; undefined: all. */
  capabilities?: bigint | undefined;
  /** What the host's presets say of the unit; undefined where none of them names it. */
  preset?: Preset | undefined;
  exports?: Exports | undefined;
  /** Where its hostfs lies in the image, and what its files hold, by the path below it. */
  hostfs?: { base: string; contentOf(path: ByteString): Uint8Array } | undefined;
  /** Seconds since 1970. */
  now: number;
}

export interface Plan {
  name: string;
  unit: string;
  image: string;
  digest: Digest;
  deployment: number;
  runtime: string;
  command: string[];
  /** Files of the deployment, beside its rootfs. */
  files: { name: string; text: string; mode: number }[];
  /** Files of the host, each a copy of one of the deployment's. */
  hostFiles: { path: string; file: string; mode: number }[];
  /** Files of the image for the host. */
  installed: InstalledFile[];
  /** What would become of them, and of those that the current deployment has there. */
  foreseen: FileOutcome[];
  /** What must exist in the checkout for mounts, so that no runtime makes it there. */
  mountTargets: MountTarget[];
  /** Directories to be made in the deployment, beside its rootfs; `like` is a path of the rootfs that gives owner and mode. */
  directories: { name: string; like?: string }[];
  /**
   * Directories of the host that keep the container's state, its own; made where they are missing, with what `image`, a
   * directory of the image, holds.
   */
  state: (HostDirectory & { image?: string })[];
  /** Directories of the host that the request binds and that are made where they are missing: the admin's. */
  sources: HostDirectory[];
  start: boolean;
  /** Whether the unit starts at boot: unless a preset of the host says no. */
  enable: boolean;
  /** What the runtime configuration asks for and the container goes without: nothing, unless that was asked for. */
  lost: string[];
}

export interface HostDirectory {
  path: string;
  uid: number;
  gid: number;
  /** Permission bits, as octal text. */
  mode: string;
}

/**
 * @throws Failure CONFIG_INVALID, UNIT_INVALID, RUNTIME_UNSUPPORTED when the image or the request cannot become a service,
 *   TEMPLATE_INVALID when a template of the admin's does not work.
 */
export function planDeployment(
  name: string,
  request: InstallRequest,
  { facts, render }: { facts: Facts; render: Render },
): Plan {
  const { runtime, image, dir } = facts;
  const notify = request.notify ?? image.config.labels[NOTIFY_LABEL] === "true";
  const watchdog = request.watchdog ?? watchdogOf(image.config.labels[WATCHDOG_LABEL]);
  const mounts = mountsOf(name, request, facts);
  const config = configOf(name, request, { facts, render, notify, watchdog, mounts });
  const overlay =
    config.root.readonly === true
      ? undefined
      : writableRoot(request.writable ?? "keep", { name, dir, state: facts.paths.state });
  if (overlay !== undefined) config.root.path = "root";
  const stopSignal = image.config.stopSignal === undefined ? undefined : killSignal(image.config.stopSignal);
  const service = serviceOf(config, {
    runtime,
    bundle: { name, dir, root: overlay?.path ?? `${dir}/rootfs`, notify },
    stopSignal,
    lossy: request.runtimeLossy ?? false,
    systemdVersion: facts.systemdVersion,
  });
  const mountedRoot = overlay?.path;
  const units: UnitContext = {
    ...{ name, facts, render, service, notify, watchdog, mounts, mountedRoot, stopSignal },
  };
  const files = filesOf(request, units, overlay);
  const values = {NAME: name, CONF_DIRECTORY: "/etc", ...facts.exports?.manifest.defaultValues, ...request.values};
  const hostFiles = hostFilesOf(files, { name, facts, overlay });
  const installed = planInstalled(facts, { values, hostFiles });
  files.push(...installed.rendered);
  const plan: Plan = {
    name,
    unit: `${name}.service`,
    image: image.name,
    digest: image.digest,
    deployment: facts.number,
    runtime: formatRuntime(runtime),
    command: config.process.args,
    files,
    hostFiles: hostFilesOf(files, { name, facts, overlay }),
    mountTargets: [...mounts.targets, ...tmpfsTargets(config)],
    directories: overlay?.directories ?? [],
    state: mounts.state,
    sources: mounts.sources,
    installed: installed.files,
    foreseen: [],
    start: request.start,
    enable: facts.preset?.enable ?? true,
    lost: service.unsupported,
  };
  files.push({ name: "info", text: formatInfo(infoOf(plan, request, { facts, notify })), mode: 0o600 });
  return plan;
}

interface ConfigContext {
  facts: Facts;
  render: Render;
  notify: boolean;
  watchdog: number | undefined;
  mounts: Mounts;
}

function configOf(name: string, request: InstallRequest, context: ConfigContext): RuntimeConfig {
  const { facts, render, notify, watchdog, mounts } = context;
  const { runtime, user, isExecutable } = facts;
  const environment = [...pairs(request.values), ...pairs(request.environment)];
  const needs =
    runtime.kind === "oci" ? ociNeeds(runtime, `${name}.service`) : { namespaces: SYSTEMD_NAMESPACES };
  const bound = [...mounts.mounts];
  if (runtime.kind === "oci" && notify) {
    environment.push(`NOTIFY_SOCKET=${NOTIFY_SOCKET}`);
    if (watchdog !== undefined) environment.push(`WATCHDOG_USEC=${watchdog * 1_000_000}`);
    bound.push(bind("/run/systemd/notify", NOTIFY_SOCKET, { readonly: false }));
  }
  const process = processOf(facts.image.config, { user, environment, isExecutable });
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
  return parseRuntimeConfig(text, "the rendered config.json");
}

function filesOf(
  request: InstallRequest,
  units: UnitContext,
  overlay: WritableRoot | undefined,
): Plan["files"] {
  const { name, facts, render, service, mounts } = units;
  const { process } = service.config;
  const files: Plan["files"] = [
    { name: "config.json", text: `${JSON.stringify(service.config, undefined, 2)}\n`, mode: 0o600 },
    { name: `${name}.service`, text: unitText(request, units), mode: 0o644 },
    { name: "10-berth.conf", text: dropInText(request, units), mode: 0o644 },
    ...(overlay?.units ?? []).map((unit) => ({ ...unit, mode: 0o644 })),
  ];
  if (service.environmentFile !== undefined) {
    files.push({ name: service.environmentFile, text: quoteEnvironmentFile(process.env), mode: 0o600 });
  }
  const directories = [...mounts.state, ...mounts.sources];
  if (directories.length > 0) {
    files.push({ name: `tmpfiles-${name}.conf`, text: tmpfilesText(directories, render), mode: 0o644 });
  }
  const accounts =
    facts.runtime.kind === "systemd" ? missingAccounts(process.user, facts.accounts) : undefined;
  if (accounts !== undefined) {
    const text = render("sysusers.conf.ejs", { ...accounts });
    files.push({ name: `sysusers-${name}.conf`, text, mode: 0o644 });
  }
  return files;
}

function hostFilesOf(
  files: Plan["files"],
  { name, facts, overlay }: { name: string; facts: Facts; overlay: WritableRoot | undefined },
): Plan["hostFiles"] {
  const { paths } = facts;
  const units = [`${name}.service`, ...(overlay?.units ?? []).map((unit) => unit.name)];
  const places: Record<string, string> = {
    ...Object.fromEntries(units.map((unit) => [unit, join(paths.unitDirectory, unit)])),
    "10-berth.conf": join(paths.unitDirectory, `${name}.service.d`, "10-berth.conf"),
    [`tmpfiles-${name}.conf`]: join(paths.tmpfilesDirectory, `${name}.conf`),
    [`sysusers-${name}.conf`]: join(paths.sysusersDirectory, `berth-${name}.conf`),
  };
  return files.flatMap(({ name: file, mode }) => {
    const path = places[file];
    return path === undefined ? [] : [{ path, file, mode }];
  });
}

function infoOf(
  plan: Plan,
  request: InstallRequest,
  { facts, notify }: { facts: Facts; notify: boolean },
): Info {
  const health = healthOf(request.health ?? {}, { image: facts.image.config, notify });
  return {
    image: plan.image,
    revision: plan.digest.slice(plan.digest.indexOf(":") + 1),
    created: facts.now,
    values: request.values,
    "has-container-service": true,
    ...installedRecord(plan.installed),
    runtime: plan.runtime,
    berth: {
      schema: 1,
      name: plan.name,
      deployment: plan.deployment,
      request,
      command: plan.command,
      hostFiles: plan.hostFiles,
      ...(plan.installed.length > 0 ? { installed: plan.installed } : {}),
      state: plan.state.map((dir) => dir.path),
      sources: plan.sources.map((dir) => dir.path),
      enabled: plan.enable,
      trust: facts.verdict,
      ...(health === undefined ? {} : { health }),
      ...(isOneWay(facts.image.config) ? { oneWay: true } : {}),
    },
  };
}

/** Whether the image says that it changes its data in a way that older versions cannot read. */
export function isOneWay({ labels }: Pick<ExecConfig, "labels">): boolean {
  return labels[DATA_LABEL] === "one-way";
}

function watchdogOf(label: string | undefined): number | undefined {
  if (label === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(label)) return Number(label);
  throw new Failure(
    "CONFIG_INVALID",
    `the image's label ${WATCHDOG_LABEL}=${JSON.stringify(label)} is not a number of seconds`,
  );
}

function pairs(record: Record<string, string>): string[] {
  return Object.entries(record).map(([name, value]) => `${name}=${value}`);
}
