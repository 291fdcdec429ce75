/**
 * Runtime configurations of the specification's youth (0.3.0, the release candidates of 1.0) said in the words of today. Such
 * files are in images that are in use; the runtimes of today read them wrong or not at all. Pure.
 */
import { Failure } from "../errors.ts";
import { convertMounts } from "./convert-mounts.ts";

/** What a configuration cannot have where the host lacks it: a runtime would refuse to start. */
export interface ConfigHost {
  /** Whether the host labels processes. */
  selinux: boolean;
  apparmor: boolean;
  /** Capabilities by name that the host's init may give; undefined: not known. */
  capabilities: ReadonlySet<string> | undefined;
}

export interface ConvertedConfig {
  config: Record<string, unknown>;
  /** What was changed, for people: a sentence each. */
  notes: string[];
}

type Json = Record<string, unknown>;

interface Draft {
  process: Json;
  linux: Json;
  notes: string[];
}

/** The version that is written: what both runc and crun have read for years. */
const VERSION = "1.0.2";

/** More than any has; what reads one recurses. */
const MAX_DEPTH = 64;

const SETS = ["bounding", "effective", "permitted", "inheritable", "ambient"] as const;

/** What had its place in `linux` once, by its name in `process` today. */
const MOVED = {
  capabilities: "capabilities",
  rlimits: "rlimits",
  noNewPrivileges: "noNewPrivileges",
  apparmorProfile: "apparmorProfile",
  selinuxProcessLabel: "selinuxLabel",
} as const;

/**
 * What it does not know, and what is not of the shape that it expects, stays for the reader to judge.
 * @throws Failure CONFIG_INVALID for one that is nested too deep.
 */
export function convertRuntimeConfig(json: Json, host: ConfigHost): ConvertedConfig {
  const notes: string[] = [];
  const given = withoutNulls(json) as Json;
  const { platform, hooks, ...config } = given;
  const draft: Draft = {
    process: { ...recordOf(given["process"]) },
    linux: { ...recordOf(given["linux"]) },
    notes,
  };
  convertVersion(config, notes);
  if (platform !== undefined) notes.push("`platform` is left out: configurations have none any more");
  moveToProcess(draft);
  convertCapabilities(draft);
  limitCapabilities(draft, host);
  convertResources(draft);
  convertSeccomp(draft);
  dropLabels(draft, host);
  if (draft.process["terminal"] === true) {
    draft.process["terminal"] = false;
    notes.push("`process.terminal` is false: a service has no terminal");
  }
  if ("mounts" in given) config["mounts"] = convertMounts(given["mounts"], notes);
  if (isRecord(given["process"])) config["process"] = draft.process;
  if (isRecord(given["linux"])) config["linux"] = draft.linux;
  if (hooks !== undefined && !isEmpty(hooks)) config["hooks"] = hooks;
  return { config, notes };
}

function convertVersion(config: Json, notes: string[]): void {
  const version = config["ociVersion"];
  if (typeof version === "string" && /^1\.\d+\.\d+$/.test(version)) return;
  config["ociVersion"] = VERSION;
  notes.push(
    typeof version === "string"
      ? `it is written for version ${version} of the specification and taken as ${VERSION}`
      : `it names no version of the specification and is taken as ${VERSION}`,
  );
}

function moveToProcess({ process, linux, notes }: Draft): void {
  for (const [from, to] of Object.entries(MOVED)) {
    const value = linux[from];
    if (value === undefined) continue;
    delete linux[from];
    if (value === null || process[to] !== undefined) continue;
    process[to] = value;
    notes.push(`\`linux.${from}\` has become \`process.${to}\``);
  }
}

/**
 * A list meant all sets. The inheritable and ambient ones matter to a user who is not root, and to root they are a way around
 * the bounds of what it starts, so root goes without.
 */
function convertCapabilities({ process, notes }: Draft): void {
  const { capabilities } = process;
  if (capabilities === null) delete process["capabilities"];
  if (!Array.isArray(capabilities)) return;
  const isRoot = (recordOf(process["user"])["uid"] ?? 0) === 0;
  const sets = isRoot ? SETS.slice(0, 3) : SETS;
  process["capabilities"] = Object.fromEntries(sets.map((set) => [set, capabilities]));
  notes.push(`the list \`process.capabilities\` has become the sets ${sets.join(", ")}`);
}

function limitCapabilities({ process, notes }: Draft, { capabilities: available }: ConfigHost): void {
  const sets = process["capabilities"];
  if (available === undefined || !isRecord(sets)) return;
  const missing = new Set<string>();
  const limited = Object.entries(sets).map(([set, names]) => {
    if (!Array.isArray(names)) return [set, names];
    const kept = names.filter((name) => typeof name !== "string" || available.has(name));
    for (const name of names) if (!kept.includes(name)) missing.add(name as string);
    return [set, kept];
  });
  if (missing.size === 0) return;
  process["capabilities"] = Object.fromEntries(limited);
  notes.push(`this host cannot give ${[...missing].sort().join(", ")}`);
}

function convertResources({ process, linux, notes }: Draft): void {
  if (!isRecord(linux["resources"])) return;
  const { oomScoreAdj, disableOOMKiller, ...resources } = linux["resources"];
  if (typeof oomScoreAdj === "number") {
    process["oomScoreAdj"] ??= oomScoreAdj;
    notes.push("`linux.resources.oomScoreAdj` has become `process.oomScoreAdj`");
  }
  if (disableOOMKiller === true) {
    resources["memory"] = { ...recordOf(resources["memory"]), disableOOMKiller };
    notes.push("`linux.resources.disableOOMKiller` has become `linux.resources.memory.disableOOMKiller`");
  }
  linux["resources"] = resources;
}

function convertSeccomp({ linux, notes }: Draft): void {
  const { seccomp } = linux;
  if (!isRecord(seccomp) || !Array.isArray(seccomp["syscalls"])) return;
  let changed = false;
  const syscalls = seccomp["syscalls"].map((rule: unknown) => {
    if (!isRecord(rule) || typeof rule["name"] !== "string") return rule;
    changed = true;
    const { name, ...rest } = rule;
    return { ...rest, names: [name] };
  });
  if (!changed) return;
  linux["seccomp"] = { ...seccomp, syscalls };
  notes.push("`name` of the rules in `linux.seccomp` has become `names`");
}

function dropLabels({ process, linux, notes }: Draft, { selinux, apparmor }: ConfigHost): void {
  const drop = (where: Json, { key, what, reason }: { key: string; what: string; reason: string }): void => {
    const value = where[key];
    if (value === undefined) return;
    delete where[key];
    if (value !== "" && value !== null) notes.push(`\`${what}\` is left out: ${reason}`);
  };
  if (!selinux) {
    const reason = "this host has no SELinux";
    drop(process, { key: "selinuxLabel", what: "process.selinuxLabel", reason });
    drop(linux, { key: "mountLabel", what: "linux.mountLabel", reason });
  }
  if (!apparmor) {
    const reason = "this host has no AppArmor";
    drop(process, { key: "apparmorProfile", what: "process.apparmorProfile", reason });
  }
}

/** Go writes null for what is not there. */
function withoutNulls(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH)
    throw new Failure("CONFIG_INVALID", `a runtime configuration is nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, depth + 1));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([name, item]) => [name, withoutNulls(item, depth + 1)]));
}

function isEmpty(hooks: unknown): boolean {
  return (
    isRecord(hooks) &&
    Object.values(hooks).every((list) => list === null || (Array.isArray(list) && list.length === 0))
  );
}

function recordOf(value: unknown): Json {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
