/**
 * What an image in the /exports format asks of the host beside running in its own file system. It is as powerful as a package of
 * the host: berth lists it, and an admin can refuse it (`host_access` in berth.toml). Pure.
 */
import { posix } from "node:path";
import { Failure } from "../errors.ts";
import type { RuntimeConfig, RuntimeMount } from "../oci/runtime-config.ts";
import { isBind } from "../runtime/mounts.ts";
import { parseUnit, type UnitFile } from "../unit/unit-file.ts";
import { type OwnCommand, ownCommands } from "./exports-unit.ts";

export interface HostAccess {
  /**
   * `file`: a file of the host's. `tmpfiles`: a line of tmpfiles.d(5). `command`: a line of its unit that systemd runs on the
   * host. `setting`: another line of its unit that reaches beyond the container. `bind`: a path of the host's that it can write
   * to, or whose sockets it can connect to. `mount`, `device`, `namespace`: of the host's. `capability`: one that berth would
   * not give of itself.
   */
  kind:
    | "file"
    | "tmpfiles"
    | "command"
    | "setting"
    | "bind"
    | "mount"
    | "device"
    | "namespace"
    | "capability";
  /** The path, the line, the name. A value that was set stands as its `$NAME`. */
  what: string;
}

export interface HostAccessSource {
  /** Of the container. */
  name: string;
  /** Rendered, with `$NAME` for each value that was set. */
  unitText: string | undefined;
  tmpfilesText: string | undefined;
  /** The unit's line that starts the container. */
  execStart: string;
  /** The configuration that the image brings. */
  config: RuntimeConfig | undefined;
  /** Capabilities that any image gets. */
  usual: readonly string[];
}

export function hostAccessOf(source: HostAccessSource): HostAccess[] {
  const { name, unitText, tmpfilesText, execStart, config, usual } = source;
  return [
    // systemd ends a line at each of these.
    ...(tmpfilesText ?? "").split(/[\n\r\0]/).flatMap((line): HostAccess[] => {
      const what = line.trim();
      return what === "" || what.startsWith("#") ? [] : [{ kind: "tmpfiles", what }];
    }),
    ...(unitText === undefined ? [] : unitAccess(parseUnit(unitText), { execStart, name })),
    ...(config === undefined ? [] : configAccess(config, usual)),
  ];
}

/**
 * What a unit may say of itself without touching anything else: its order and what starts it, how it restarts and stops, its
 * limits and its log. Everything else is listed: an Environment= reaches the runtime, which is a program of the host's.
 */
const HARMLESS: Record<string, RegExp> = {
  Unit: /^(X-.*|Description|Documentation|After|Before|Wants|Requires|Requisite|BindsTo|PartOf|Upholds|RequiresMountsFor|WantsMountsFor|DefaultDependencies|(Condition|Assert)\w+|StartLimit(Interval|IntervalSec|Burst))$/,
  Service:
    /^(X-.*|Type|ExitType|PIDFile|NotifyAccess|WorkingDirectory|GuessMainPID|RemainAfterExit|Restart\w*|Timeout\w*|WatchdogSec|SuccessExitStatus|Kill\w+|SendSIG\w+|FinalKillSignal|StartLimit(Interval|IntervalSec|Burst)|Limit[A-Z]+|(CPU|Memory|Tasks|IO|BlockIO)\w*|DefaultDependencies|Nice|OOM\w+|Delegate|RuntimeDirectory(Mode|Preserve)|Syslog\w+|Log\w+)$/,
  Install: /^(X-.*|WantedBy|RequiredBy|UpheldBy)$/,
};

/** systemd takes the directories over and removes them in the end: more than one of this name may be somebody else's. */
function isOwnDirectory({ key, value }: OwnCommand, name: string): boolean {
  return key === "RuntimeDirectory" && value.split("/", 1)[0] === name && !/\s/.test(value);
}

function unitAccess(unit: UnitFile, { execStart, name }: { execStart: string; name: string }): HostAccess[] {
  const line = ({ key, value }: OwnCommand): string => `${key}=${value}`;
  const settings = unit.sections.flatMap(({ name: section, entries }) => {
    if (section.startsWith("X-")) return [];
    return entries.filter(
      ({ key, value }) =>
        value !== "" &&
        HARMLESS[section]?.test(key) !== true &&
        !(section === "Service" && (key.startsWith("Exec") || isOwnDirectory({ key, value }, name))),
    );
  });
  return [
    ...ownCommands({ unit }, execStart).map((own): HostAccess => ({ kind: "command", what: line(own) })),
    ...settings.map((entry): HostAccess => ({ kind: "setting", what: line(entry) })),
  ];
}

/** File systems that are the kernel's own, or empty: no device of the host's is behind them. */
const VIRTUAL = new Set(["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"]);

/** Of these there is one, which is the host's: what is written there holds for all. */
const SHARED = new Set(["sysfs", "cgroup", "cgroup2"]);

/** Namespaces that any image has for itself. */
const USUAL_NAMESPACES = ["mount", "ipc", "pid"];

/** Root needs no capability to write there, and `core_pattern` alone makes it the host's root. */
const KERNEL_CONTROLS = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);

function configAccess(
  { mounts, process, annotations = {}, linux = {} }: RuntimeConfig,
  usual: readonly string[],
): HostAccess[] {
  const sets = Object.values(process.capabilities ?? {}) as (string[] | null | undefined)[];
  const capabilities = new Set(sets.flatMap((names) => names ?? []).filter((name) => !usual.includes(name)));
  const devices = [linux["devices"]]
    .flat()
    .flatMap((device) => (isRecord(device) ? [String(device["path"])] : []));
  const namespaces = linux.namespaces ?? [];
  const foreign = namespaces.filter(({ path }) => path !== undefined);
  const shared = USUAL_NAMESPACES.filter((usualType) => !namespaces.some(({ type }) => type === usualType));
  const closed = [...(linux.readonlyPaths ?? []), ...(linux.maskedPaths ?? [])];
  const open = KERNEL_CONTROLS.filter((path) => !closed.includes(path) && !closed.includes("/proc"));
  const propagation = linux["rootfsPropagation"];
  return [
    ...mounts.flatMap(mountAccess),
    ...(open.length > 0 ? [{ kind: "mount" as const, what: `proc, with ${open.join(" ")} writable` }] : []),
    ...(propagation === "shared" || propagation === "rshared"
      ? [{ kind: "mount" as const, what: "all that it mounts itself (rootfsPropagation)" }]
      : []),
    ...devices.map((what): HostAccess => ({ kind: "device", what })),
    ...shared.map((what): HostAccess => ({ kind: "namespace", what })),
    ...foreign.map(({ type, path }): HostAccess => ({ kind: "namespace", what: `${type} of ${path}` })),
    ...[...capabilities].map((what): HostAccess => ({ kind: "capability", what })),
    // crun takes orders by them: a handler, a socket for seccomp, mounts of its own.
    ...Object.entries(annotations)
      .filter(([key]) => key.startsWith("run.oci."))
      .map(([key, value]): HostAccess => ({ kind: "setting", what: `${key}=${value}` })),
  ];
}

function mountAccess(mount: RuntimeMount): HostAccess[] {
  const { destination, type = "none", options = [] } = mount;
  const source = posix.normalize(mount.source ?? "");
  const what = source === destination ? source : `${source} at ${destination}`;
  if (!isBind(mount)) {
    const isHarmless = VIRTUAL.has(type) && (!SHARED.has(type) || isReadOnly(options));
    return isHarmless ? [] : [{ kind: "mount", what: `${type} ${what}` }];
  }
  if (!isReadOnly(options)) return [{ kind: "bind", what }];
  const writable = [
    ...(hasSockets(source) ? ["its sockets"] : []),
    ...(options.includes("rbind") && !options.includes("rro") && hasMounts(source)
      ? ["what is mounted below"]
      : []),
  ];
  return writable.length === 0
    ? []
    : [{ kind: "bind", what: `${what} (read-only, but for ${writable.join(" and ")})` }];
}

/** The last word counts, and one for all that is mounted below comes after those for the mount itself. */
function isReadOnly(options: readonly string[]): boolean {
  if (options.includes("rrw")) return false;
  return options.includes("rro") || options.findLast((each) => each === "ro" || each === "rw") === "ro";
}

/**
 * Where programs of the host listen, and its devices: these take what is written to them whatever the mount says. A path that is
 * not from the root, or goes through a process, leads anywhere.
 */
function hasSockets(path: string): boolean {
  return (
    path === "/" ||
    path === "/var" ||
    !path.startsWith("/") ||
    /^(\/var)?\/run(\/|$)|^\/(tmp|dev|proc)(\/|$)/.test(path)
  );
}

/** Where a host has file systems of their own. `ro` says nothing of them. */
function hasMounts(path: string): boolean {
  return path.lastIndexOf("/") === 0 || path === "/sys/fs" || path === "/sys/kernel";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws Failure POLICY_REJECTED when the host's admin refuses any of it. */
export function refuseHostAccess(
  asked: readonly HostAccess[],
  { image, allowed }: { image: string; allowed: "allow" | "refuse" },
): void {
  if (allowed === "allow" || asked.length === 0) return;
  throw new Failure("POLICY_REJECTED", `${image} asks for more of this host than berth.toml allows`, {
    cause: new Error(hostAccessLines(asked).join("\n")),
    hint: 'host_access = "refuse" in berth.toml refuses it; `berth inspect` lists what an image asks for',
  });
}

const WORDS: Record<HostAccess["kind"], string> = {
  file: "host file",
  tmpfiles: "tmpfiles line",
  command: "command on the host",
  setting: "setting of its unit",
  bind: "writable bind",
  mount: "mount",
  device: "device",
  namespace: "namespace of the host",
  capability: "capabilities",
};

/** For people: a line each, the capabilities in one. */
export function hostAccessLines(asked: readonly HostAccess[]): string[] {
  const names = asked.filter(({ kind }) => kind === "capability").map(({ what }) => what);
  const others = asked.filter(({ kind }) => kind !== "capability");
  return [
    ...others.map(({ kind, what }) => `${WORDS[kind]}: ${what}`),
    ...(names.length > 0 ? [`${WORDS.capability}: ${names.join(" ")}`] : []),
  ];
}
