/** The runtime configuration of an image in the /exports format, made fit for this host and for berth. Pure. */
import { Failure } from "../errors.ts";
import type { MountTarget } from "../layer/mount-targets.ts";
import { convertRuntimeConfig } from "../oci/convert-runtime-config.ts";
import { checkRuntimeConfig, type RuntimeConfig, type RuntimeMount } from "../oci/runtime-config.ts";
import { substitute, type TemplateValues } from "../render/substitute.ts";
import { ALL_CAPABILITIES, capabilitiesIn } from "../runtime/capabilities.ts";
import { isBind } from "../runtime/mounts.ts";
import { NOTIFY_SOCKET } from "../runtime/oci-service.ts";
import { type Exports, exportsPath } from "./exports.ts";
import { bind, type Mounts } from "./mounts.ts";
import type { PathKind } from "./path-kind.ts";
import type { Facts, HostDirectory } from "./plan.ts";
import { DEFAULT_PATH, findProgram, mergeEnvironment, variable } from "./process.ts";
import type { InstallRequest } from "./request.ts";

/** Where systemd listens for sd_notify. */
const HOST_NOTIFY = "/run/systemd/notify";

/** Where the notify socket is bound when the container's /run is a directory of the host's. */
const NOTIFY_ELSEWHERE = "/.berth-notify";

export interface ImageConfig {
  config: RuntimeConfig;
  /** What was changed in it, for people. */
  notes: string[];
}

/**
 * The configuration that the image brings; undefined when it brings none, or an empty one, and berth has to make it.
 * @throws Failure CONFIG_INVALID, VALUE_MISSING, TEMPLATE_INVALID
 */
export function imageConfig(
  exports: Exports,
  values: TemplateValues,
  { facts, writable }: { facts: Pick<Facts, "security" | "capabilities">; writable: boolean },
): ImageConfig | undefined {
  const file = exportsPath(exports.config === undefined ? "configTemplate" : "config");
  const text =
    exports.config ??
    (exports.configTemplate === undefined ? undefined : substitute(exports.configTemplate, values, { file }));
  if (text === undefined) return undefined;
  const value = parseConfig(text, file);
  if (Object.keys(value).length === 0) return undefined;
  const { config, notes } = convertRuntimeConfig(value, {
    ...facts.security,
    capabilities:
      facts.capabilities === undefined
        ? undefined
        : new Set(capabilitiesIn(facts.capabilities & ALL_CAPABILITIES)),
  });
  const checked = checkRuntimeConfig(config, file);
  if (checked.root.readonly !== true && !writable) {
    throw new Failure("CONFIG_INVALID", "Invalid configuration file.  Only readonly images are supported", {
      hint: "--writable keep (or discard) gives it a root of its own to write to, beside the image's files",
    });
  }
  if (checked.root.path !== "rootfs")
    throw new Failure("CONFIG_INVALID", "Invalid configuration file.  Path must be 'rootfs'");
  const root = { path: "rootfs", readonly: !writable };
  return { config: { ...checked, root }, notes: notes.map((note) => `${file}: ${note}`) };
}

/** The parser's own message would quote the text, which holds values. */
function parseConfig(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const place = /line \d+ column \d+/.exec(String(error))?.[0] ?? "its end";
    throw new Failure("CONFIG_INVALID", `Invalid json in configuration file: ${file}.`, {
      hint: `see ${place} of it, with all values put in`,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Failure("CONFIG_INVALID", `Invalid json in configuration file: ${file}.`, {
    hint: "it is no object",
  });
}

export interface HostParts {
  request: InstallRequest;
  facts: Facts;
  /** The request's volumes. */
  mounts: Mounts;
  /** The control group of the container, for a runtime that makes one. */
  cgroupsPath: string | undefined;
  notify: boolean;
  watchdog: number | undefined;
}

/** The configuration with what the request and the unit add to it. */
export function withHostParts(given: RuntimeConfig, parts: HostParts): RuntimeConfig {
  const { request, facts, mounts, cgroupsPath, notify, watchdog } = parts;
  const environment = Object.entries(request.environment).map(([name, value]) => `${name}=${value}`);
  const added = [...mounts.mounts];
  if (facts.runtime.kind === "oci" && notify) {
    const { path, mount } = notifySocket([...given.mounts, ...added]);
    environment.push(`NOTIFY_SOCKET=${path}`);
    if (watchdog !== undefined) environment.push(`WATCHDOG_USEC=${watchdog * 1_000_000}`);
    if (mount !== undefined) added.push(mount);
  }
  const replaced = new Set(added.map(({ destination }) => destination));
  const { cgroupsPath: _, ...linux } = given.linux ?? {};
  const env = mergeEnvironment(given.process.env, environment);
  return {
    ...given,
    process: { ...given.process, env, args: argsOf(given, env, facts) },
    mounts: [...given.mounts.filter(({ destination }) => !replaced.has(destination)), ...added],
    linux: { ...linux, ...(cgroupsPath === undefined ? {} : { cgroupsPath }) },
  };
}

/** An OCI runtime finds a bare name in the image; systemd and chroot are told the path. */
function argsOf({ process }: RuntimeConfig, env: readonly string[], facts: Facts): string[] {
  const [program = "", ...rest] = process.args;
  if (facts.runtime.kind === "oci") return process.args;
  const path = variable(env, "PATH") || DEFAULT_PATH;
  return [findProgram(program, { cwd: process.cwd, path, isExecutable: facts.isExecutable }), ...rest];
}

/** A place for the socket that nothing of the host's covers; none is needed where the container has the host's /run. */
function notifySocket(mounts: readonly RuntimeMount[]): { path: string; mount?: RuntimeMount } {
  const covering = mounts.findLast(({ destination }) => isAtOrBelow(NOTIFY_SOCKET, destination));
  if (covering !== undefined && isBind(covering)) {
    if (covering.source === "/run" && covering.destination === "/run") return { path: HOST_NOTIFY };
    return { path: NOTIFY_ELSEWHERE, mount: bind(HOST_NOTIFY, NOTIFY_ELSEWHERE, { readonly: false }) };
  }
  return { path: NOTIFY_SOCKET, mount: bind(HOST_NOTIFY, NOTIFY_SOCKET, { readonly: false }) };
}

/** What must be in the checkout for a configuration of the image's own; `kindOf` says what a bind's source is, or will be. */
export function configTargets(
  { mounts, process }: RuntimeConfig,
  kindOf: (source: string) => PathKind,
): MountTarget[] {
  const isCovered = (path: string): boolean =>
    mounts.some(({ destination }) => destination !== path && isAtOrBelow(path, destination));
  const targets = mounts.map((mount): MountTarget => {
    const isFile = isBind(mount) && (mount.source === HOST_NOTIFY || kindOf(mount.source ?? "") === "file");
    return { path: mount.destination, type: isFile ? "file" : "dir" };
  });
  return [{ path: process.cwd, type: "dir" as const }, ...targets].filter(({ path }) => !isCovered(path));
}

/** Directories that the image's binds need and that the host lacks, or had made for them before. */
export function missingSources(
  { mounts }: RuntimeConfig,
  {
    facts,
    kindOf,
  }: {
    facts: Pick<Facts, "madeSources" | "caller">;
    kindOf: (source: string) => PathKind;
  },
): HostDirectory[] {
  const sources = mounts.flatMap((mount) =>
    isBind(mount) && mount.source?.startsWith("/") ? [mount.source] : [],
  );
  return [...new Set(sources)]
    .filter((source) => !["/proc", "/sys", "/dev"].some((kernel) => isAtOrBelow(source, kernel)))
    .filter((source) => kindOf(source) === "absent" || facts.madeSources.has(source))
    .map((path) => ({ path, ...facts.caller, mode: "0700" }));
}

function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith("/") ? directory : `${directory}/`);
}
