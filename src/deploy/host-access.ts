/**
 * What an image in the /exports format asks of the host beside running in its own file system. It is as powerful as a package of
 * the host: berth lists it, and an admin can refuse it (`host_access` in berth.toml). Pure.
 */
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
  const { unitText, tmpfilesText, execStart, config, usual } = source;
  return [
    ...(tmpfilesText ?? "").split("\n").flatMap((line): HostAccess[] => {
      const what = line.trim();
      return what === "" || what.startsWith("#") ? [] : [{ kind: "tmpfiles", what }];
    }),
    ...(unitText === undefined ? [] : unitAccess(parseUnit(unitText), execStart)),
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
    /^(X-.*|Type|ExitType|PIDFile|NotifyAccess|WorkingDirectory|GuessMainPID|RemainAfterExit|Restart\w*|Timeout\w*|WatchdogSec|SuccessExitStatus|Kill\w+|SendSIG\w+|FinalKillSignal|StartLimit(Interval|IntervalSec|Burst)|Limit[A-Z]+|(CPU|Memory|Tasks|IO|BlockIO)\w*|DefaultDependencies|Nice|OOM\w+|Delegate|RuntimeDirectory\w*|Syslog\w+|Log\w+)$/,
  Install: /^(X-.*|WantedBy|RequiredBy|UpheldBy)$/,
};

function unitAccess(unit: UnitFile, execStart: string): HostAccess[] {
  const line = ({ key, value }: OwnCommand): string => `${key}=${value}`;
  const settings = unit.sections.flatMap(({ name, entries }) => {
    if (name.startsWith("X-")) return [];
    return entries.filter(
      ({ key, value }) =>
        value !== "" && HARMLESS[name]?.test(key) !== true && !(name === "Service" && key.startsWith("Exec")),
    );
  });
  return [
    ...ownCommands({ unit }, execStart).map((own): HostAccess => ({ kind: "command", what: line(own) })),
    ...settings.map((entry): HostAccess => ({ kind: "setting", what: line(entry) })),
  ];
}

/** File systems that are the kernel's own, or empty: no device of the host's is behind them. */
const VIRTUAL = new Set(["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"]);

function configAccess(
  { mounts, process, linux = {} }: RuntimeConfig,
  usual: readonly string[],
): HostAccess[] {
  const sets = Object.values(process.capabilities ?? {}) as (string[] | null | undefined)[];
  const capabilities = new Set(sets.flatMap((names) => names ?? []).filter((name) => !usual.includes(name)));
  const devices = [linux["devices"]]
    .flat()
    .flatMap((device) => (isRecord(device) ? [String(device["path"])] : []));
  const foreign = (linux.namespaces ?? []).filter(({ path }) => path !== undefined);
  return [
    ...mounts.flatMap(mountAccess),
    ...devices.map((what): HostAccess => ({ kind: "device", what })),
    ...foreign.map(({ type, path }): HostAccess => ({ kind: "namespace", what: `${type} of ${path}` })),
    ...[...capabilities].map((what): HostAccess => ({ kind: "capability", what })),
  ];
}

function mountAccess(mount: RuntimeMount): HostAccess[] {
  const { source = "", destination, type = "none" } = mount;
  const what = source === destination ? source : `${source} at ${destination}`;
  if (!isBind(mount)) return VIRTUAL.has(type) ? [] : [{ kind: "mount", what: `${type} ${what}` }];
  if (mount.options?.includes("ro") !== true) return [{ kind: "bind", what }];
  return hasSockets(source) ? [{ kind: "bind", what: `${what} (read-only, but for its sockets)` }] : [];
}

/** Where programs of the host listen: a socket takes what is written to it whatever its mount says. */
function hasSockets(path: string): boolean {
  return path === "/" || path === "/var" || /^(\/var)?\/run(\/|$)|^\/tmp(\/|$)/.test(path);
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
