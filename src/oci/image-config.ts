import { Failure } from "../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { asObject, asOptionalString, asString, asStringMap, asStrings, parseJson } from "./json.ts";
import { printable } from "./printable.ts";

/** OCI image-spec `config.md`, Docker's Healthcheck included. What is absent is empty. */
export interface ImageConfig {
  os: string;
  architecture: string;
  variant?: string;
  created?: string;
  diffIds: Digest[];
  config: ExecConfig;
}

export interface ExecConfig {
  user?: string;
  /** `NAME=VALUE` entries, checked: a name, no NUL, no newline. */
  env: string[];
  entrypoint: string[];
  cmd: string[];
  workingDir?: string;
  volumes: string[];
  exposedPorts: string[];
  labels: Record<string, string>;
  stopSignal?: string;
  healthcheck?: Healthcheck;
}

/** Durations in nanoseconds, as in the file. */
interface Healthcheck {
  test: string[];
  interval?: number;
  timeout?: number;
  startPeriod?: number;
  retries?: number;
}

/** MANIFEST_INVALID when it is not an image config; CONFIG_INVALID when its Env cannot be honoured. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const body = asObject(parseJson(bytes, "image config"), "image config");
  const image: ImageConfig = {
    os: asString(body["os"], "image config: os"),
    architecture: asString(body["architecture"], "image config: architecture"),
    diffIds: parseRootfs(body["rootfs"]),
    config: parseExec(body["config"]),
  };
  const variant = asOptionalString(body["variant"], "image config: variant");
  if (variant !== undefined) image.variant = variant;
  const created = asOptionalString(body["created"], "image config: created");
  if (created !== undefined) image.created = created;
  return image;
}

function parseRootfs(value: unknown): Digest[] {
  const rootfs = asObject(value, "image config: rootfs");
  const type = rootfs["type"];
  if (type !== "layers") {
    const shown = typeof type === "string" ? `"${printable(type, 40)}"` : "missing";
    throw new Failure("MANIFEST_INVALID", `image config: rootfs.type is ${shown}, it must be "layers"`);
  }
  return asStrings(rootfs["diff_ids"], "image config: diff_ids").map((text, at) =>
    parseDigest(text, `image config: diff_ids[${at}]`),
  );
}

function parseExec(value: unknown): ExecConfig {
  const body = value === undefined || value === null ? {} : asObject(value, "image config: config");
  const at = (key: string): string => `image config: ${key}`;
  const exec: ExecConfig = {
    env: asStrings(body["Env"], at("Env")).map(checkEnv),
    entrypoint: asStrings(body["Entrypoint"], at("Entrypoint")),
    cmd: asStrings(body["Cmd"], at("Cmd")),
    volumes: asKeys(body["Volumes"], at("Volumes")),
    exposedPorts: asKeys(body["ExposedPorts"], at("ExposedPorts")),
    labels: asStringMap(body["Labels"], at("Labels")),
  };
  const user = asOptionalString(body["User"], at("User"));
  if (user !== undefined) exec.user = user;
  const workingDir = asOptionalString(body["WorkingDir"], at("WorkingDir"));
  if (workingDir !== undefined) exec.workingDir = workingDir;
  const stopSignal = asOptionalString(body["StopSignal"], at("StopSignal"));
  if (stopSignal !== undefined) exec.stopSignal = stopSignal;
  const healthcheck = parseHealthcheck(body["Healthcheck"]);
  if (healthcheck !== undefined) exec.healthcheck = healthcheck;
  return exec;
}

/** An entry without `=` would be taken from the host's environment by some runtimes (CVE-2026-57231). */
function checkEnv(entry: string): string {
  const shown = printable(entry.split("=", 1)[0] ?? "", 80);
  if (entry.indexOf("=") < 1)
    throw new Failure("CONFIG_INVALID", `image config: Env entry "${shown}" is not NAME=VALUE`);
  if (/[\0\n]/.test(entry))
    throw new Failure("CONFIG_INVALID", `image config: Env ${shown} contains a newline or a NUL byte`);
  return entry;
}

/** The keys of a set written as an object (`{"/data": {}}`); null is empty. */
function asKeys(value: unknown, what: string): string[] {
  return value === undefined || value === null ? [] : Object.keys(asObject(value, what));
}

function parseHealthcheck(value: unknown): Healthcheck | undefined {
  if (value === undefined || value === null) return undefined;
  const body = asObject(value, "image config: Healthcheck");
  const check: Healthcheck = {
    test: asStrings(body["Test"], "image config: Healthcheck.Test"),
  };
  const interval = asCount(body["Interval"], "Interval");
  if (interval !== undefined) check.interval = interval;
  const timeout = asCount(body["Timeout"], "Timeout");
  if (timeout !== undefined) check.timeout = timeout;
  const startPeriod = asCount(body["StartPeriod"], "StartPeriod");
  if (startPeriod !== undefined) check.startPeriod = startPeriod;
  const retries = asCount(body["Retries"], "Retries");
  if (retries !== undefined) check.retries = retries;
  return check;
}

/** Zero and absence both mean "the default". */
function asCount(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null || value === 0) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw new Failure("MANIFEST_INVALID", `image config: Healthcheck.${name} is not a positive whole number`);
}
