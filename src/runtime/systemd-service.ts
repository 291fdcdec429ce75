/**
 * A container without any runtime: the runtime configuration said in directives of its unit (systemd.exec(5)).
 * What has no directive is named in `unsupported`, never left out silently.
 */
import type { RuntimeConfig, RuntimeMount } from "../oci/runtime-config.ts";
import { quoteExec, quotePath, quotePathValue, quoteTmpfs } from "../unit/quote.ts";
import type { Bundle, Directive, Service } from "./runtime.ts";

/** Mounts that RootDirectory= with MountAPIVFS= and PrivateDevices= brings by itself. */
const API_MOUNTS = new Set([
  "/proc",
  "/dev",
  "/dev/pts",
  "/dev/shm",
  "/dev/mqueue",
  "/sys",
  "/sys/fs/cgroup",
  "/run",
]);

/** Bind options that say nothing a directive would have to. */
const PLAIN_BIND = new Set([
  "bind",
  "rbind",
  "ro",
  "rw",
  "private",
  "rprivate",
  "nosuid",
  "nodev",
  "noexec",
  "relatime",
]);

/** What the configuration written for systemd may ask: a private pid namespace needs systemd 257. */
export const SYSTEMD_NAMESPACES: readonly string[] = ["mount", "ipc", "uts"];

/** `environmentFile` holds the process' environment, so that no value stands in the unit. */
export function systemdService(
  config: RuntimeConfig,
  { dir, notify, environmentFile }: Bundle & { environmentFile: string },
): Service {
  const { process } = config;
  const unsupported: string[] = [];
  const directives: Directive[] = [
    ["RootDirectory", quotePathValue(`${dir}/rootfs`)],
    ["MountAPIVFS", "yes"],
    ["PrivateDevices", "yes"],
    ["EnvironmentFile", quotePathValue(environmentFile, { glob: true })],
    ["KillMode", "mixed"],
  ];
  // ReadOnlyPaths=/ would name the host's root and leave the container's writable: ProtectSystem= is the right word, and
  // it leaves /root, /home and /run/user to ProtectHome=.
  if (config.root.readonly === true)
    directives.push(["ProtectSystem", "strict"], ["ProtectHome", "read-only"]);
  else unsupported.push("a writable root file system (root.readonly)");
  if (notify) directives.push(["NotifyAccess", "all"]);
  directives.push(...identity(config), ...privileges(config, unsupported));
  if (process.cwd !== "/") directives.push(["WorkingDirectory", quotePathValue(process.cwd)]);
  if (process.terminal === true) unsupported.push("a terminal (process.terminal)");
  if (config.hostname !== undefined) unsupported.push("a host name of its own (hostname)");
  for (const mount of config.mounts) directives.push(...mountLines(mount, unsupported));
  directives.push(...isolation(config, unsupported));
  return { execStart: quoteExec(process.args), directives, unsupported };
}

function identity({ process: { user } }: RuntimeConfig): Directive[] {
  if (user.uid === 0 && user.gid === 0) return [];
  const groups = user.additionalGids ?? [];
  return [
    ["User", String(user.uid)],
    ["Group", String(user.gid)],
    ...(groups.length > 0 ? [["SupplementaryGroups", groups.join(" ")] as const] : []),
  ];
}

function privileges({ process }: RuntimeConfig, unsupported: string[]): Directive[] {
  const directives: Directive[] = [];
  const { bounding, ambient } = process.capabilities ?? {};
  // An empty list is a directive too: it takes every capability away.
  directives.push(["CapabilityBoundingSet", (bounding ?? []).join(" ")]);
  if (ambient !== undefined && ambient.length > 0)
    directives.push(["AmbientCapabilities", ambient.join(" ")]);
  if (process.noNewPrivileges === true) directives.push(["NoNewPrivileges", "yes"]);
  if (process.oomScoreAdj !== undefined) directives.push(["OOMScoreAdjust", String(process.oomScoreAdj)]);
  for (const { type, soft, hard } of process.rlimits ?? []) {
    const limit = /^RLIMIT_([A-Z]+)$/.exec(type)?.[1];
    if (limit === undefined) unsupported.push(`the limit ${type} (process.rlimits)`);
    else directives.push([`Limit${limit}`, `${soft}:${hard}`]);
  }
  return directives;
}

function mountLines(mount: RuntimeMount, unsupported: string[]): Directive[] {
  const options = mount.options ?? [];
  const isBind = mount.type === "bind" || options.includes("bind") || options.includes("rbind");
  if (API_MOUNTS.has(mount.destination) && (!isBind || mount.source === mount.destination)) return [];
  if (mount.type === "tmpfs") return [tmpfsLine(mount.destination, options)];
  if (!isBind || mount.source === undefined) {
    unsupported.push(`the mount of type ${mount.type ?? "none"} at ${mount.destination}`);
    return [];
  }
  const unknown = options.filter((option) => !PLAIN_BIND.has(option));
  if (unknown.length > 0) {
    unsupported.push(`the options ${unknown.join(",")} of the mount at ${mount.destination}`);
  }
  const recursive = options.includes("rbind") ? "" : ":norbind";
  const line = `${quotePath(mount.source)}:${quotePath(mount.destination)}${recursive}`;
  return [[options.includes("ro") ? "BindReadOnlyPaths" : "BindPaths", line]];
}

function tmpfsLine(destination: string, options: readonly string[]): Directive {
  const kept = options.filter((option) => /^(mode|size|nr_inodes)=|^(nosuid|nodev|noexec|ro)$/.test(option));
  return ["TemporaryFileSystem", quoteTmpfs(destination, kept.length > 0 ? kept.join(",") : undefined)];
}

function isolation({ linux = {} }: RuntimeConfig, unsupported: string[]): Directive[] {
  const directives: Directive[] = [];
  for (const { type, path } of linux.namespaces ?? []) {
    if (type === "mount") continue;
    if (type === "ipc" && path === undefined) directives.push(["PrivateIPC", "yes"]);
    else if (type === "uts" && path === undefined) directives.push(["ProtectHostname", "yes"]);
    else if (type === "network") {
      directives.push(
        path === undefined ? ["PrivateNetwork", "yes"] : ["NetworkNamespacePath", quotePathValue(path)],
      );
    } else unsupported.push(`a ${type} namespace (linux.namespaces)`);
  }
  // A missing path is none to hide; `+` makes it a path of the container's root.
  for (const path of linux.maskedPaths ?? []) directives.push(["InaccessiblePaths", `-+${quotePath(path)}`]);
  for (const path of linux.readonlyPaths ?? []) directives.push(["ReadOnlyPaths", `-+${quotePath(path)}`]);
  const known = new Set([
    "namespaces",
    "maskedPaths",
    "readonlyPaths",
    "cgroupsPath",
    "rootfsPropagation",
    "mountLabel",
  ]);
  for (const key of Object.keys(linux)) if (!known.has(key)) unsupported.push(`linux.${key}`);
  return directives;
}
