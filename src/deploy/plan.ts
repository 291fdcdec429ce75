/**
 * The plan of a deployment: everything an install would write, as data. Pure: what it needs to know of the host and the
 * image is in the facts.
 */
import { join } from "node:path";
import { Failure } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { ExecConfig } from "../oci/image-config.ts";
import type { ImageUser } from "../oci/image-user.ts";
import { parseRuntimeConfig, type RuntimeMount } from "../oci/runtime-config.ts";
import type { Render } from "../render/templates.ts";
import { NOTIFY_SOCKET, ociNeeds, ociService } from "../runtime/oci-service.ts";
import { type Directive, formatRuntime, type Runtime, type Service } from "../runtime/runtime.ts";
import { SYSTEMD_NAMESPACES, systemdService } from "../runtime/systemd-service.ts";
import { quoteEnvironmentFile, quotePath, quoteValue } from "../unit/quote.ts";
import { missingAccounts } from "./accounts.ts";
import { formatInfo, type Info } from "./info.ts";
import { orderDirectives, unitOf } from "./order.ts";
import { processOf } from "./process.ts";
import type { InstallRequest } from "./request.ts";
import { stateDirectory } from "./volume.ts";

/** An image asks for readiness by sd_notify with this label set to `true`. */
export const NOTIFY_LABEL = "berth.notify";

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
  /** Numeric ids the host has accounts for. */
  accounts: { uids: ReadonlySet<number>; gids: ReadonlySet<number> };
  /** Where the host's units, tmpfiles and sysusers lines go, and the directory of berth's state, as that system sees them. */
  paths: { unitDirectory: string; tmpfilesDirectory: string; sysusersDirectory: string; state: string };
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
  /** What must exist in the checkout for mounts, so that no runtime makes it there. */
  mountTargets: { path: string; type: "dir" | "file" }[];
  /** Directories of the host that keep the container's state, its own; made where they are missing. */
  state: HostDirectory[];
  /** Directories of the host that the request binds and that are made where they are missing: the admin's. */
  sources: HostDirectory[];
  start: boolean;
}

export interface HostDirectory {
  path: string;
  uid: number;
  gid: number;
  /** Permission bits, as octal text. */
  mode: string;
}

interface Mounts {
  mounts: RuntimeMount[];
  targets: Plan["mountTargets"];
  state: HostDirectory[];
  sources: HostDirectory[];
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
  const { runtime, image } = facts;
  const notify = request.notify ?? image.config.labels[NOTIFY_LABEL] === "true";
  const mounts = mountsOf(name, request, facts);
  const configText = renderConfig(name, request, { facts, render, notify, mounts });
  const config = parseRuntimeConfig(configText, "the rendered config.json");
  const environmentFile = `${facts.dir}/environment`;
  const bundle = { name, dir: facts.dir, notify };
  const service =
    runtime.kind === "oci"
      ? ociService(runtime, bundle)
      : systemdService(config, { ...bundle, environmentFile });
  refuseUnsupported(service, runtime);

  const unit = `${name}.service`;
  const accounts =
    runtime.kind === "systemd" ? missingAccounts(config.process.user, facts.accounts) : undefined;
  const files: Plan["files"] = [
    { name: "config.json", text: `${JSON.stringify(config, undefined, 2)}\n`, mode: 0o600 },
    { name: unit, text: renderUnit(request, { facts, render, name, notify, service }), mode: 0o644 },
    {
      name: "10-berth.conf",
      text: renderDropIn(request, { facts, render, name, service, mounts }),
      mode: 0o644,
    },
  ];
  if (runtime.kind === "systemd") {
    files.push({ name: "environment", text: quoteEnvironmentFile(config.process.env), mode: 0o600 });
  }
  const directories = [...mounts.state, ...mounts.sources];
  if (directories.length > 0) {
    files.push({ name: `tmpfiles-${name}.conf`, text: renderTmpfiles(directories, render), mode: 0o644 });
  }
  if (accounts !== undefined) {
    files.push({
      name: `sysusers-${name}.conf`,
      text: render("sysusers.conf.ejs", { ...accounts }),
      mode: 0o644,
    });
  }
  const hostFiles = hostFilesOf(name, files, facts);
  const plan: Plan = {
    name,
    unit,
    image: image.name,
    digest: image.digest,
    deployment: facts.number,
    runtime: formatRuntime(runtime),
    command: config.process.args,
    files,
    hostFiles,
    mountTargets: mounts.targets,
    state: mounts.state,
    sources: mounts.sources,
    start: request.start,
  };
  files.push({ name: "info", text: formatInfo(infoOf(plan, request, facts)), mode: 0o600 });
  return plan;
}

function renderConfig(
  name: string,
  request: InstallRequest,
  { facts, render, notify, mounts }: { facts: Facts; render: Render; notify: boolean; mounts: Mounts },
): string {
  const { runtime, user, isExecutable } = facts;
  const environment = [...pairs(request.values), ...pairs(request.environment)];
  const needs = runtime.kind === "oci" ? ociNeeds(runtime, name) : { namespaces: SYSTEMD_NAMESPACES };
  const bound = [...mounts.mounts];
  if (runtime.kind === "oci" && notify) {
    environment.push(`NOTIFY_SOCKET=${NOTIFY_SOCKET}`);
    bound.push(bind("/run/systemd/notify", NOTIFY_SOCKET, { readonly: false }));
  }
  const process = processOf(facts.image.config, { user, environment, isExecutable });
  // What a process of another user could regain through a set-user-ID file is bounded; it begins with none.
  const held = user.uid === 0 ? CAPABILITIES : [];
  return render("config.json.ejs", {
    name,
    process,
    capabilities: { bounding: CAPABILITIES, effective: held, permitted: held, inheritable: [], ambient: [] },
    mounts: bound,
    namespaces: needs.namespaces.map((type) => ({ type })),
    cgroupsPath: "cgroupsPath" in needs ? needs.cgroupsPath : undefined,
  });
}

/** Volumes of the image become directories of the host below /var/lib/NAME; those of the request are bound as they are. */
function mountsOf(name: string, request: InstallRequest, facts: Facts): Mounts {
  const result: Mounts = {
    mounts: [],
    targets: [{ path: facts.image.config.workingDir ?? "/", type: "dir" }],
    state: [],
    sources: [],
  };
  for (const path of ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp"])
    result.targets.push({ path, type: "dir" });
  const given = new Set(request.volumes.map((volume) => volume.destination));
  for (const file of facts.networkFiles) {
    if (given.has(file)) continue;
    result.mounts.push(bind(file, file, { readonly: true }));
    result.targets.push({ path: file, type: "file" });
  }
  for (const volume of facts.image.config.volumes) {
    const destination = `/${volume
      .split("/")
      .filter((part) => part !== "" && part !== ".")
      .join("/")}`;
    if (given.has(destination)) continue;
    const source = stateDirectory(name, volume);
    const { uid, gid, mode } = facts.directory(destination) ?? {
      uid: facts.user.uid,
      gid: facts.user.gid,
      mode: 0o755,
    };
    if (result.state.length === 0)
      result.state.push({ path: `/var/lib/${name}`, uid: 0, gid: 0, mode: "0755" });
    result.state.push({ path: source, uid, gid, mode: mode.toString(8).padStart(4, "0") });
    result.mounts.push(bind(source, destination, { readonly: false }));
    result.targets.push({ path: destination, type: "dir" });
  }
  for (const { source, destination, readonly } of request.volumes) {
    const kind = facts.sources.get(source) ?? "absent";
    // What lies on a tmpfs is gone after a reboot, so it is made again at boot even where it exists now.
    if (kind === "absent" || (kind === "dir" && /^(\/var)?\/run\//.test(source))) {
      result.sources.push({ path: source, uid: facts.user.uid, gid: facts.user.gid, mode: "0755" });
    }
    result.mounts.push(bind(source, destination, { readonly }));
    result.targets.push({ path: destination, type: kind === "file" ? "file" : "dir" });
  }
  return result;
}

function bind(source: string, destination: string, { readonly }: { readonly: boolean }): RuntimeMount {
  const options = ["rbind", "rprivate", readonly ? "ro" : "rw"];
  return { destination, type: "bind", source, options };
}

function refuseUnsupported({ unsupported }: Service, runtime: Runtime): void {
  if (unsupported.length === 0) return;
  throw new Failure(
    "RUNTIME_UNSUPPORTED",
    `the runtime ${formatRuntime(runtime)} cannot give what the configuration asks for: ${unsupported.join("; ")}`,
    { hint: "install it with an OCI runtime: --runtime runc or --runtime crun" },
  );
}

function renderUnit(
  request: InstallRequest,
  {
    facts,
    render,
    name,
    notify,
    service,
  }: { facts: Facts; render: Render; name: string; notify: boolean; service: Service },
): string {
  const { image } = facts;
  const title = image.config.labels["org.opencontainers.image.title"];
  return render("service.ejs", {
    name,
    description: quoteValue(`${title ?? name} (${image.name})`),
    image: quoteValue(image.name),
    digest: image.digest,
    type: notify ? "notify" : "exec",
    execStart: service.execStart,
    wantedBy: wantedBy(request).join(" "),
  });
}

function renderDropIn(
  request: InstallRequest,
  {
    facts,
    render,
    name,
    service,
    mounts,
  }: { facts: Facts; render: Render; name: string; service: Service; mounts: Mounts },
): string {
  const needed = mounts.mounts.map((mount) => mount.source).filter((source) => source?.startsWith("/var/"));
  const unit: Directive[] = [
    ["RequiresMountsFor", [facts.paths.state, ...needed].map((path) => quotePath(path ?? "")).join(" ")],
    ...orderDirectives(request.order),
  ];
  const logging: Directive[] = [
    ["SyslogIdentifier", name],
    ["LogExtraFields", `BERTH_NAME=${name}`],
  ];
  const { stopSignal } = facts.image.config;
  const stopping: Directive[] = stopSignal === undefined ? [] : [["KillSignal", killSignal(stopSignal)]];
  return render("10-berth.conf.ejs", {
    name,
    unit,
    service: [...service.directives, ...stopping, ...logging],
  });
}

/** `SIGTERM`, `TERM`, `15` and `SIGRTMIN+3`, as image configs write them, in systemd's words. */
function killSignal(text: string): string {
  const signal = /^(?:SIG)?([A-Z][A-Z0-9]*(?:[+-]\d+)?)$/.exec(text)?.[1];
  if (signal !== undefined) return `SIG${signal}`;
  if (/^\d{1,2}$/.test(text)) return text;
  throw new Failure("CONFIG_INVALID", `the image's stop signal ${JSON.stringify(text)} is none`);
}

function renderTmpfiles(state: readonly HostDirectory[], render: Render): string {
  return render("tmpfiles.conf.ejs", {
    directories: state.map((dir) => ({ ...dir, path: tmpfilesPath(dir.path) })),
  });
}

/** tmpfiles.d(5): a path is a word with C escapes, in which `%` begins a specifier. */
function tmpfilesPath(path: string): string {
  const text = path.replaceAll("%", "%%");
  return /[\s"'\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : text;
}

function hostFilesOf(name: string, files: Plan["files"], { paths }: Facts): Plan["hostFiles"] {
  const places: Record<string, string> = {
    [`${name}.service`]: join(paths.unitDirectory, `${name}.service`),
    "10-berth.conf": join(paths.unitDirectory, `${name}.service.d`, "10-berth.conf"),
    [`tmpfiles-${name}.conf`]: join(paths.tmpfilesDirectory, `${name}.conf`),
    [`sysusers-${name}.conf`]: join(paths.sysusersDirectory, `berth-${name}.conf`),
  };
  return files.flatMap(({ name: file, mode }) => {
    const path = places[file];
    return path === undefined ? [] : [{ path, file, mode }];
  });
}

function infoOf(plan: Plan, request: InstallRequest, facts: Facts): Info {
  return {
    image: plan.image,
    revision: plan.digest.slice(plan.digest.indexOf(":") + 1),
    created: facts.now,
    values: request.values,
    "has-container-service": true,
    "installed-files": [],
    "installed-files-checksum": {},
    runtime: plan.runtime,
    berth: {
      schema: 1,
      name: plan.name,
      deployment: plan.deployment,
      request,
      command: plan.command,
      hostFiles: plan.hostFiles,
      state: plan.state.map((dir) => dir.path),
      sources: plan.sources.map((dir) => dir.path),
    },
  };
}

function wantedBy(request: InstallRequest): string[] {
  return request.wantedBy.length > 0 ? request.wantedBy.map(unitOf) : ["multi-user.target"];
}

function pairs(record: Record<string, string>): string[] {
  return Object.entries(record).map(([name, value]) => `${name}=${value}`);
}
