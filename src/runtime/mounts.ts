/** Mounts and devices of a runtime configuration as directives of systemd.exec(5). */
import type { RuntimeConfig, RuntimeMount } from "../oci/runtime-config.ts";
import { quotePath, quoteTmpfs } from "../unit/quote.ts";
import type { Directive } from "./runtime.ts";
import {
  integerAt,
  isRecord,
  listAt,
  recordAt,
  type Translation,
  translation,
  wordAt,
} from "./translation.ts";

/** Mounts that RootDirectory= with MountAPIVFS= and PrivateDevices= brings by itself. */
const API_MOUNTS = new Set([
  "/proc",
  "/dev",
  "/dev/pts",
  "/dev/shm",
  "/dev/mqueue",
  "/sys",
  "/sys/fs/cgroup",
]);

/** Bind options that need no directive: systemd's binds are private, and devices are closed by DevicePolicy=. */
const PLAIN_BIND = new Set([
  ...["bind", "rbind", "ro", "rw", "private", "rprivate", "slave", "rslave", "nodev", "noexec"],
  ...["relatime", "norelatime", "noatime", "strictatime", "exec", "suid", "dev"],
]);

/**
 * Since when systemd hands what it read to another program, in words that lose some characters of the paths of BindPaths= and
 * TemporaryFileSystem= (systemd-executor, exec_context_serialize()), and since when it is known which: tried with 257.
 */
const DAMAGING = 254;
const KNOWN = 257;

const READ_ONLY_SYS = ["ReadOnlyPaths", "+/sys"] as const;

export interface MountContext {
  /** Of systemd; undefined where it is not known. */
  version: number | undefined;
  /** Without set-user-ID programs `nosuid` says nothing new. */
  noNewPrivileges: boolean;
  /** The host's directory that is the container's /run, so that another unit can share it. */
  run: string;
}

export function isBind({ type, options = [] }: RuntimeMount): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}

/** /dev is the host's own where the configuration binds it; anything else is systemd's small one. */
export function bindsHostDevices({ mounts }: RuntimeConfig): boolean {
  return mounts.some((mount) => mount.destination === "/dev" && isBind(mount) && mount.source === "/dev");
}

export function mountDirectives(mounts: readonly RuntimeMount[], context: MountContext): Translation {
  const made = translation();
  const shared = sharedTmp(mounts);
  // The same directory for /tmp and /var/tmp as for a unit that joins this one's namespaces.
  if (shared) made.directives.push(["PrivateTmp", "yes"]);
  for (const mount of mounts) {
    if (shared && isTmp(mount)) continue;
    one(mount, context, made);
  }
  // It is there unasked, and the host's.
  if (!mounts.some(({ destination }) => destination === "/sys")) made.directives.push(READ_ONLY_SYS);
  return made;
}

function one(mount: RuntimeMount, context: MountContext, made: Translation): void {
  const { destination, source, options = [] } = mount;
  const bind = isBind(mount);
  if (API_MOUNTS.has(destination) && (!bind || source === destination)) {
    // systemd brings the host's own, with all that is mounted below, and leaves it to be written to.
    if (destination === "/sys" && options.includes("ro")) made.directives.push(READ_ONLY_SYS);
    return;
  }
  const damaged = damagedPath(mount, context.version);
  if (damaged !== undefined) {
    made.unsupported.push(damaged);
    return;
  }
  if (destination === "/run" && mount.type === "tmpfs") {
    made.directives.push(["BindPaths", `${quotePath(context.run)}:/run:norbind`]);
    return;
  }
  if (mount.type === "tmpfs") {
    made.directives.push(tmpfsLine(destination, options));
    return;
  }
  if (!bind || source === undefined) {
    made.unsupported.push(`the mount of type ${mount.type ?? "none"} at ${destination}`);
    return;
  }
  const unknown = options.filter(
    (option) => !PLAIN_BIND.has(option) && !(option === "nosuid" && context.noNewPrivileges),
  );
  if (unknown.length > 0)
    made.unsupported.push(`the options ${unknown.join(",")} of the mount at ${destination}`);
  made.directives.push(bindLine(source, destination, options));
  if (options.includes("noexec")) made.directives.push(["NoExecPaths", `+${quotePath(destination)}`]);
}

/** What keeps systemd of this version from making the mount, in words; undefined for nothing. */
export function damagedPath(
  mount: Pick<RuntimeMount, "source" | "destination" | "type" | "options">,
  version: number | undefined,
): string | undefined {
  if (version !== undefined && version < DAMAGING) return undefined;
  const paths = isBind(mount) ? [mount.source ?? "", mount.destination] : [mount.destination];
  const known = version !== undefined && version >= KNOWN;
  const lost = known ? (isBind(mount) ? /["']/ : /[\\:]/) : /[\s"'\\:]/;
  const odd = paths.find((path) => lost.test(path));
  return odd === undefined
    ? undefined
    : `the path ${JSON.stringify(odd)}, which systemd from ${DAMAGING} on does not keep as it is`;
}

export function bindLine(source: string, destination: string, options: readonly string[]): Directive {
  const recursive = options.includes("rbind") ? "" : ":norbind";
  const line = `${quotePath(source)}:${quotePath(destination)}${recursive}`;
  return [options.includes("ro") ? "BindReadOnlyPaths" : "BindPaths", line];
}

export function tmpfsLine(destination: string, options: readonly string[]): Directive {
  const kept = options.filter((option) =>
    /^((mode|nr_inodes|uid|gid)=\d+|size=\d+[kKmMgG%]?|nosuid|nodev|noexec|ro)$/.test(option),
  );
  return ["TemporaryFileSystem", quoteTmpfs(destination, kept.length > 0 ? kept.join(",") : undefined)];
}

/** Both as any system has them: temporary, for everybody, and not limited. */
function sharedTmp(mounts: readonly RuntimeMount[]): boolean {
  const plain = mounts.filter(
    (mount) =>
      isTmp(mount) && mount.type === "tmpfs" && !mount.options?.some((option) => option.startsWith("size=")),
  );
  return plain.some(({ destination }) => destination === "/tmp") && plain.length === 2;
}

function isTmp({ destination }: RuntimeMount): boolean {
  return destination === "/tmp" || destination === "/var/tmp";
}

/** `linux.devices` and `linux.resources.devices`, beside the few devices that every container has. */
export function deviceDirectives(linux: Record<string, unknown>): Translation {
  const made = translation();
  for (const device of listAt(linux["devices"], "linux.devices").filter(isRecord)) {
    const path = wordAt(device["path"], { what: "linux.devices.path", pattern: /^\/[^\0\n]+$/ });
    if (path === undefined || STANDARD_DEVICES.has(path)) continue;
    // The node is the host's: one of another number under that name cannot be made here.
    made.directives.push(
      ["BindPaths", `${quotePath(path)}:${quotePath(path)}`],
      ["DeviceAllow", `${quotePath(path)} rwm`],
    );
  }
  const resources = recordAt(linux["resources"], "linux.resources");
  for (const rule of listAt(resources["devices"], "linux.resources.devices").filter(isRecord)) {
    if (rule["allow"] !== true) continue;
    const allowed = deviceClass(rule);
    const access = wordAt(rule["access"], {
      what: "linux.resources.devices.access",
      pattern: /^[rwm]{1,3}$/,
    });
    if (allowed === "all") made.directives.push(["DevicePolicy", "auto"]);
    else if (allowed !== undefined) made.directives.push(["DeviceAllow", `${allowed} ${access ?? "rwm"}`]);
  }
  return made;
}

const STANDARD_DEVICES = new Set(
  ["null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"].map((name) => `/dev/${name}`),
);

function deviceClass(rule: Record<string, unknown>): string | undefined {
  const type = rule["type"];
  const major = integerAt(rule["major"], "linux.resources.devices.major") ?? -1;
  const minor = integerAt(rule["minor"], "linux.resources.devices.minor") ?? -1;
  if (type === undefined || type === "a") return major < 0 && minor < 0 ? "all" : undefined;
  const kind = type === "b" ? "block" : "char";
  if (major < 0) return `${kind}-*`;
  return minor < 0 ? `${kind}-${major}` : `/dev/${kind}/${major}:${minor}`;
}
