/**
 * The OCI runtime configuration (runtime-spec 1.x, config.json) as far as berth reads it. What berth does not read it
 * passes on: `parseRuntimeConfig` returns the object it parsed, not a copy of the known fields.
 */
import { Failure } from "../errors.ts";

export interface RuntimeMount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

export interface RuntimeUser {
  uid: number;
  gid: number;
  umask?: number;
  additionalGids?: number[];
}

export interface RuntimeCapabilities {
  bounding?: string[];
  effective?: string[];
  permitted?: string[];
  inheritable?: string[];
  ambient?: string[];
}

export interface RuntimeProcess {
  terminal?: boolean;
  user: RuntimeUser;
  args: string[];
  env: string[];
  cwd: string;
  capabilities?: RuntimeCapabilities;
  rlimits?: { type: string; soft: number; hard: number }[];
  noNewPrivileges?: boolean;
  oomScoreAdj?: number;
}

export interface RuntimeConfig {
  ociVersion: string;
  process: RuntimeProcess;
  root: { path: string; readonly?: boolean };
  hostname?: string;
  domainname?: string;
  mounts: RuntimeMount[];
  hooks?: unknown;
  annotations?: Record<string, string>;
  linux?: {
    namespaces?: { type: string; path?: string }[];
    maskedPaths?: string[];
    readonlyPaths?: string[];
    cgroupsPath?: string;
    [other: string]: unknown;
  };
}

/**
 * A runtime configuration from its text. `what` names it in errors.
 * @throws Failure CONFIG_INVALID when it is not JSON, and as checkRuntimeConfig().
 */
export function parseRuntimeConfig(text: string, what: string): RuntimeConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidConfig(what, "it is not JSON", cause);
  }
  return checkRuntimeConfig(value, what);
}

/**
 * @throws Failure CONFIG_INVALID when it lacks what a runtime needs, asks for hooks (an image's hooks would run as root on the
 *   host) or for a working directory that is not an absolute path of the image (CVE-2024-21626).
 */
export function checkRuntimeConfig(value: unknown, what: string): RuntimeConfig {
  const invalid = (reason: string): Failure => invalidConfig(what, reason);
  if (!isRecord(value)) throw invalid("it is not an object");
  const process = value["process"];
  if (!isRecord(process)) throw invalid("`process` is missing");
  if (!isStrings(process["args"]) || process["args"].length === 0) throw invalid("`process.args` is empty");
  if (!isStrings(process["env"] ?? [])) throw invalid("`process.env` is not a list of strings");
  const cwd = process["cwd"];
  if (typeof cwd !== "string" || !cwd.startsWith("/")) throw invalid("`process.cwd` is not an absolute path");
  if (cwd.startsWith("/proc/")) throw invalid("`process.cwd` lies below /proc");
  const user = process["user"] ?? {};
  if (!isRecord(user)) throw invalid("`process.user` is not an object");
  const capabilities = process["capabilities"] ?? {};
  if (!isRecord(capabilities) || !Object.values(capabilities).every((names) => isStrings(names ?? [])))
    throw invalid("`process.capabilities` is not an object of lists");
  const rlimits = process["rlimits"] ?? [];
  if (!Array.isArray(rlimits) || !rlimits.every(isLimit))
    throw invalid("`process.rlimits` is not a list of limits");
  const root = value["root"];
  if (!isRecord(root) || typeof root["path"] !== "string") throw invalid("`root.path` is missing");
  const mounts = value["mounts"] ?? [];
  if (!Array.isArray(mounts) || !mounts.every(isMount)) throw invalid("`mounts` is not a list of mounts");
  const linux = value["linux"] ?? {};
  if (!isRecord(linux)) throw invalid("`linux` is not an object");
  const namespaces = linux["namespaces"] ?? [];
  if (!Array.isArray(namespaces) || !namespaces.every(isNamespace))
    throw invalid("`linux.namespaces` is not a list of namespaces");
  for (const key of ["maskedPaths", "readonlyPaths"])
    if (!isStrings(linux[key] ?? [])) throw invalid(`\`linux.${key}\` is not a list of paths`);
  if (value["hooks"] !== undefined) throw invalid("it asks for hooks, which would run as root on this host");
  return {
    ...value,
    process: { ...process, env: process["env"] ?? [], user: { uid: 0, gid: 0, ...user } },
    mounts,
  } as unknown as RuntimeConfig;
}

/** JSON text of a configuration. Numbers that JavaScript rounds up to 2^63 and 2^64 are the largest of their kind again. */
export function formatRuntimeConfig(config: RuntimeConfig): string {
  const text = JSON.stringify(config, (_, value: unknown) => LARGEST.get(value) ?? value, 2);
  return `${text.replaceAll(/"\\u0001(9223372036854775807|18446744073709551615)"/g, "$1")}\n`;
}

/** As texts with a mark, which JSON escapes: JSON.stringify() has no way to write such a number. */
const LARGEST = new Map<unknown, string>([
  [2 ** 63, "\u00019223372036854775807"],
  [2 ** 64, "\u000118446744073709551615"],
]);

function invalidConfig(what: string, reason: string, cause?: unknown): Failure {
  return new Failure("CONFIG_INVALID", `${what} is not a usable runtime configuration: ${reason}`, { cause });
}

function isLimit(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value["type"] === "string" &&
    ["soft", "hard"].every((key) => Number.isInteger(value[key]))
  );
}

function isNamespace(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value["type"] === "string" &&
    ["string", "undefined"].includes(typeof value["path"])
  );
}

function isMount(value: unknown): value is RuntimeMount {
  return (
    isRecord(value) &&
    typeof value["destination"] === "string" &&
    value["destination"].startsWith("/") &&
    ["string", "undefined"].includes(typeof value["source"]) &&
    isStrings(value["options"] ?? [])
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
