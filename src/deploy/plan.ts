/**
 * The plan of a deployment: everything an install would write, as data. Pure: what it needs to know of the host and the
 * image is in the facts.
 */
import { Failure } from "../errors.ts";
import type { ByteString } from "../layer/byte-string.ts";
import type { MountTarget } from "../layer/mount-targets.ts";
import { type Digest, digestHex } from "../oci/digest.ts";
import type { ExecConfig } from "../oci/image-config.ts";
import type { ImageUser } from "../oci/image-user.ts";
import type { RuntimeConfig } from "../oci/runtime-config.ts";
import { substitute, type TemplateValues } from "../render/substitute.ts";
import type { Render } from "../render/templates.ts";
import { formatRuntime, type Runtime } from "../runtime/runtime.ts";
import type { Preset } from "../systemd/presets.ts";
import type { Verdict } from "../trust/verdict.ts";
import { type Exports, exportsPath } from "./exports.ts";
import { fitUnit, imageUnit, readImageUnit } from "./exports-unit.ts";
import { healthOf } from "./health.ts";
import { type HostAccess, hostAccessOf } from "./host-access.ts";
import { formatInfo, type Info } from "./info.ts";
import type { InstalledFile } from "./installed-files.ts";
import { healthOfManifest } from "./manifest-health.ts";
import type { PathKind } from "./path-kind.ts";
import { CAPABILITIES, planConfig } from "./plan-config.ts";
import { hostFilesOf, serviceFiles, tmpfilesFile } from "./plan-files.ts";
import { installedRecord, manifestRecord, planInstalled, withInstalled } from "./plan-installed.ts";
import { plannedKind } from "./planned-kind.ts";
import type { InstallRequest } from "./request.ts";
import { serviceOf } from "./service.ts";
import type { FileOutcome } from "./settle-files.ts";
import { killSignal, type UnitContext } from "./unit-files.ts";
import { shownValues, valuesOf } from "./values.ts";
import { type WritableRoot, writableRoot } from "./writable-root.ts";

/** An image asks for readiness by sd_notify with this label set to `true`. */
export const NOTIFY_LABEL = "berth.notify";

/** An image that sends WATCHDOG=1 says with this label how often: a number of seconds in which one has to come. */
export const WATCHDOG_LABEL = "berth.watchdog";

/** An image that changes its data so that older versions cannot read it says so with this label set to `one-way`. */
const DATA_LABEL = "berth.data";

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
  /** Where a path of the image leads, seen from its root: links are followed. */
  resolve(path: string): string;
  /** Owner and mode of a directory of the image; undefined where it has none there. */
  directory(path: string): { uid: number; gid: number; mode: number } | undefined;
  /** A free number for the deployment. */
  number: number;
  /** The deployment's directory as the system that will run it sees it. */
  dir: string;
  /** Where its root file system is that already is somewhere, as that system sees it; undefined: it is checked out. */
  rootfs?: string | undefined;
  runtime: Runtime;
  /** Those of NETWORK_FILES that the host has. */
  networkFiles: readonly string[];
  /** Version of the host's systemd; undefined where none runs. */
  systemdVersion?: number | undefined;
  /** Numeric ids the host has accounts for. */
  accounts: { uids: ReadonlySet<number>; gids: ReadonlySet<number> };
  /** Where the host's units and tmpfiles lines go, and the directory of berth's state, as that system sees them. */
  paths: { unitDirectory: string; tmpfilesDirectory: string; state: string };
  /** What the host's init may give, a bit each; undefined: all. */
  capabilities?: bigint | undefined;
  /** What the host's presets say of the unit; undefined where none of them names it. */
  preset?: Preset | undefined;
  /** What an image in the /exports format brings; undefined for one that is not. */
  exports?: Exports | undefined;
  /** Where its hostfs lies in the image, without a slash before it, and what its files hold, by the path below it. */
  hostfs?: { base: string; contentOf(path: ByteString): Uint8Array } | undefined;
  /** What its templates are told beside what else is known here. */
  variables: { imageName: string; atomic: string; uuid: string };
  /** Whoever installs. */
  caller: { uid: number; gid: number };
  security: { selinux: boolean; apparmor: boolean };
  /** What the host has at a path, symlinks followed. */
  kindOf(path: string): PathKind;
  /** Directories that the deployment to be replaced had made for its binds. */
  madeSources: ReadonlySet<string>;
  /** Seconds since 1970. */
  now: number;
}

export interface Plan {
  name: string;
  unit: string;
  /** Whether there is one: an image may bring files for the host and no service. */
  service: boolean;
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
  /** What `rootfs` of the deployment is a link to; absent: it is a checkout. */
  rootfs?: string;
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
  /** What the image asks of the host beside a place to run. */
  hostAccess: HostAccess[];
  /** What berth changed in what the image brings, for people. */
  notes: string[];
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
 *   VALUE_MISSING, TEMPLATE_INVALID when a template of the image's, or of the admin's, does not work.
 */
export function planDeployment(
  name: string,
  request: InstallRequest,
  { facts, render }: { facts: Facts; render: Render },
): Plan {
  if (facts.exports?.manifest.noContainerService === true)
    return planFilesOnly(name, request, { facts, render });
  const { runtime, image, dir, exports } = facts;
  const values = valuesFor(name, request, facts);
  // What starts the container is known last, and of a unit only its other lines count before.
  const ownUnit = exports && imageUnit(exports, values(""));
  const own = ownUnit === undefined ? undefined : readImageUnit(ownUnit);
  const notify = request.notify ?? own?.notify ?? image.config.labels[NOTIFY_LABEL] === "true";
  const watchdog = request.watchdog ?? own?.watchdog ?? watchdogOf(image.config.labels[WATCHDOG_LABEL]);
  const imageTmpfiles = tmpfilesOf(facts, values(""));
  const kindOf = plannedKind(facts, {
    tmpfiles: imageTmpfiles,
    installed: planInstalled(facts, values("")).files,
  });
  const planned = planConfig(name, request, {
    ...{ facts, render, notify, watchdog, kindOf },
    values: values(""),
  });
  const { config, mounts } = planned;
  const overlay = overlayOf(config, request, { name, facts });
  if (overlay !== undefined) config.root.path = "root";
  else if (facts.rootfs !== undefined) config.root.path = facts.rootfs;
  const stopSignal = stopSignalOf(own?.killSignal ?? image.config.stopSignal);
  const lossy = request.runtimeLossy ?? false;
  const service = serviceOf(config, {
    runtime,
    bundle: { name, dir, root: overlay?.path ?? facts.rootfs ?? `${dir}/rootfs`, notify },
    resolve: facts.resolve,
    stopSignal,
    lossy,
    systemdVersion: facts.systemdVersion,
  });
  const { execStart } = service;
  const fit = own && fitUnit(own, { runtime, execStart, notify, lossy });
  const units: UnitContext = {
    ...{ name, facts, render, service, notify, watchdog, mounts, stopSignal, imageTmpfiles },
    mountedRoot: overlay?.path,
    image: own &&
      exports && {
        ...own,
        text: imageUnit(exports, values(execStart)) ?? "",
        directives: fit?.directives ?? [],
      },
  };
  const files = serviceFiles(request, units, overlay);
  const shown = shownValues(values(execStart), request.values);
  const plan: Plan = {
    ...basis(name, facts),
    service: true,
    command: config.process.args,
    files,
    hostFiles: hostFilesOf(files, { name, facts, overlay }),
    mountTargets: mounts.targets,
    ...(facts.rootfs === undefined ? {} : { rootfs: facts.rootfs }),
    directories: overlay?.directories ?? [],
    state: mounts.state,
    sources: mounts.sources,
    start: request.start,
    enable: facts.preset?.enable ?? true,
    lost: [...service.unsupported, ...(fit?.lost ?? [])],
    hostAccess: hostAccessOf({
      name,
      unitText: exports && imageUnit(exports, shown),
      tmpfilesText: tmpfilesOf(facts, shown),
      execStart,
      config: planned.own,
      usual: CAPABILITIES,
    }),
    notes: [...planned.notes, ...(fit?.notes ?? [])],
  };
  return withInfo(plan, request, { facts, notify, values: values(execStart) });
}

/** An image that brings no service: files for the host, and what tmpfiles.d(5) makes for them. */
function planFilesOnly(
  name: string,
  request: InstallRequest,
  { facts, render }: { facts: Facts; render: Render },
): Plan {
  const values = valuesFor(name, request, facts)("");
  const imageTmpfiles = tmpfilesOf(facts, values);
  const files = tmpfilesFile({ name, render, imageTmpfiles }, []);
  const tmpfilesText = tmpfilesOf(facts, shownValues(values, request.values));
  const plan: Plan = {
    ...basis(name, facts),
    service: false,
    command: [],
    files,
    hostFiles: hostFilesOf(files, { name, facts }),
    mountTargets: [],
    directories: [],
    state: [],
    sources: [],
    start: false,
    enable: false,
    lost: [],
    hostAccess: hostAccessOf({
      ...{ name, tmpfilesText, execStart: "", usual: CAPABILITIES },
      ...{ unitText: undefined, config: undefined },
    }),
    notes: [],
  };
  return withInfo(plan, request, { facts, notify: false, values });
}

/** Undefined for a root that is only read. */
function overlayOf(
  { root }: RuntimeConfig,
  { writable = "keep" }: InstallRequest,
  { name, facts }: { name: string; facts: Facts },
): WritableRoot | undefined {
  if (root.readonly === true) return undefined;
  return writableRoot(writable, { name, dir: facts.dir, state: facts.paths.state, lower: facts.rootfs });
}

function basis(name: string, { image, number, runtime }: Facts) {
  return {
    name,
    unit: `${name}.service`,
    image: image.name,
    digest: image.digest,
    deployment: number,
    runtime: formatRuntime(runtime),
    installed: [],
    foreseen: [],
  };
}

function withInfo(
  service: Plan,
  request: InstallRequest,
  context: { facts: Facts; notify: boolean; values: TemplateValues },
): Plan {
  const plan = withInstalled(service, context);
  const info = { name: "info", text: formatInfo(infoOf(plan, request, context)), mode: 0o600 };
  return { ...plan, files: [...plan.files, info] };
}

/** The values of the image's templates, once the unit's command line is known. */
function valuesFor(
  name: string,
  { values }: InstallRequest,
  facts: Facts,
): (execStart: string) => TemplateValues {
  const { image, dir, runtime, variables, caller, capabilities, exports } = facts;
  const id = digestHex(image.digest);
  const host = {
    ...{ name, dir, ...caller, capabilities, runtime: formatRuntime(runtime) },
    image: { name: variables.imageName, id },
    atomic: variables.atomic,
    uuid: variables.uuid,
  };
  const defaults = exports?.manifest.defaultValues ?? {};
  return (execStart) => valuesOf(values, { defaults, host: { ...host, execStart } });
}

/** The image's own tmpfiles.d(5) lines; undefined where it leaves them to berth. */
function tmpfilesOf({ exports }: Facts, values: TemplateValues): string | undefined {
  if (exports?.tmpfilesTemplate === undefined) return undefined;
  return substitute(exports.tmpfilesTemplate, values, { file: exportsPath("tmpfilesTemplate") });
}

function stopSignalOf(signal: string | undefined): string | undefined {
  return signal === undefined ? undefined : killSignal(signal);
}

function infoOf(
  plan: Plan,
  request: InstallRequest,
  { facts, notify, values }: { facts: Facts; notify: boolean; values: TemplateValues },
): Info {
  const own = facts.exports?.manifest.health;
  const health = healthOf(request.health ?? {}, {
    image: facts.image.config,
    notify,
    manifest: own && healthOfManifest(own, values),
  });
  return {
    image: plan.image,
    revision: digestHex(plan.digest),
    created: facts.now,
    values,
    "has-container-service": plan.service,
    ...installedRecord(plan.installed),
    ...manifestRecord(facts, values),
    runtime: plan.runtime,
    ...(request.rootfs === undefined ? {} : { remote: request.rootfs }),
    berth: {
      schema: 1,
      name: plan.name,
      deployment: plan.deployment,
      request: withoutAdoption(request),
      command: plan.command,
      ...(plan.rootfs === undefined ? {} : { rootfs: plan.rootfs }),
      hostFiles: plan.hostFiles,
      ...(plan.installed.length > 0 ? { installed: plan.installed } : {}),
      state: plan.state.map((dir) => dir.path),
      sources: plan.sources.map((dir) => dir.path),
      enabled: plan.enable,
      trust: facts.verdict,
      ...(health === undefined || !plan.service ? {} : { health }),
      ...(plan.hostAccess.length > 0 ? { hostAccess: plan.hostAccess } : {}),
      ...(isOneWay(facts.image.config) ? { oneWay: true } : {}),
    },
  };
}

/** What the admin said of the directories that are there now says nothing of those that a later image names. */
function withoutAdoption({ adoptState: _, ...request }: InstallRequest): InstallRequest {
  return request;
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
