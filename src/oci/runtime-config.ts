/**
 * The OCI runtime configuration (runtime-spec 1.x, config.json) as far as berth reads it. What berth does not read it
 * passes on: `parseRuntimeConfig` returns the object it parsed, not a copy of the known fields.
 */
import { Failure } from "../errors.ts";
import { shapeError } from "./runtime-schema.ts";

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
 * @throws Failure CONFIG_INVALID when it is not of the specification's shapes, lacks what a runtime needs, asks for hooks (an
 *   image's hooks would run as root on the host) or for a working directory that is not an absolute path of the image
 *   (CVE-2024-21626).
 */
export function checkRuntimeConfig(value: unknown, what: string): RuntimeConfig {
  const invalid = (reason: string): Failure => invalidConfig(what, reason);
  if (!isRecord(value)) throw invalid("it is not an object");
  const wrong = shapeError(value);
  if (wrong !== undefined) throw invalid(wrong);
  const { process, root, mounts, hooks } = value as Partial<RuntimeConfig>;
  if (process === undefined || process === null) throw invalid("`process` is missing");
  if ((process.args ?? []).length === 0) throw invalid("`process.args` is empty");
  if (process.cwd?.startsWith("/") !== true) throw invalid("`process.cwd` is not an absolute path");
  if (process.cwd.startsWith("/proc/")) throw invalid("`process.cwd` lies below /proc");
  if (typeof root?.path !== "string") throw invalid("`root.path` is missing");
  if (hooks !== undefined) throw invalid("it asks for hooks, which would run as root on this host");
  return {
    ...value,
    process: {
      ...process,
      env: process.env ?? [],
      user: { uid: 0, gid: 0, ...(process.user as Partial<RuntimeUser>) },
    },
    mounts: mounts ?? [],
  } as RuntimeConfig;
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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
