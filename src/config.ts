/** Paths and habits of one run of berth, all decided: defaults <- berth.toml <- environment <- flags. */
import { readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { Failure, isErrno } from "./errors.ts";

/** Every path is absolute and is a path of the running host (below `root` where it belongs to the tree). */
export interface Config {
  /** `/`, or the offline tree that is worked on. */
  readonly root: string;
  readonly state: string;
  /** Where units go; default ROOT/etc/systemd/system. */
  readonly unitDirectory: string;
  readonly tmpfilesDirectory: string;
  /** The admin's own templates, used before berth's. */
  readonly templatesDirectory: string;
  /** The runtime of an install that names none; undefined: the best this host has. */
  readonly runtime: string | undefined;
  /** Deployments kept for each container, the current one counted. */
  readonly keep: number;
  /** Whether images may ask for what is as powerful as a package (host files, their own units). */
  readonly hostAccess: "allow" | "refuse";
  /** State directories of stores that are only read, in the order in which they are asked. */
  readonly additionalStores: readonly string[];
  /** Whether a pull keeps the layers as they came, so that this host can serve others. */
  readonly keepBlobs: boolean;
  /** An executable of the admin's to run before every update. */
  readonly preUpdate: string | undefined;
}

/** What flags say; paths as typed. */
export interface ConfigFlags {
  root?: string;
  state?: string;
  config?: string;
}

/** What berth.toml says; its paths are absolute and as seen inside the root. */
export interface ConfigFile {
  state?: string;
  unit_directory?: string;
  runtime?: string;
  keep?: number;
  host_access?: "allow" | "refuse";
  additional_stores?: string[];
  keep_blobs?: boolean;
  pre_update?: string;
}

/** Reads ROOT/etc/berth/berth.toml, or the file that a flag or BERTH_CONFIG names. CONFIG_INVALID. */
export async function loadConfig(flags: ConfigFlags, env: NodeJS.ProcessEnv): Promise<Config> {
  const root = resolve(flags.root ?? (env["BERTH_ROOT"] || "/"));
  const named = flags.config ?? (env["BERTH_CONFIG"] || undefined);
  const path = named === undefined ? join(root, "etc/berth/berth.toml") : resolve(named);
  const text = readConfigFile(path, { required: named !== undefined });
  const file = text === undefined ? {} : await parseConfigFile(text, path);
  const state = flags.state ?? (env["BERTH_STATE"] || undefined);
  return {
    root,
    // A flag names a path of the running host, the file one inside the tree that it belongs to.
    state: state === undefined ? join(root, file.state ?? "/var/lib/berth") : resolve(state),
    unitDirectory: join(root, file.unit_directory ?? "/etc/systemd/system"),
    tmpfilesDirectory: join(root, "etc/tmpfiles.d"),
    templatesDirectory: join(root, "etc/berth/templates"),
    runtime: file.runtime,
    keep: file.keep ?? 2,
    hostAccess: file.host_access ?? "allow",
    additionalStores: (file.additional_stores ?? []).map((dir) => join(root, dir)),
    keepBlobs: file.keep_blobs ?? false,
    preUpdate: file.pre_update,
  };
}

/** Read at every start, before anything else goes on: a call that waits is the quickest. */
function readConfigFile(path: string, { required }: { required: boolean }): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (isErrno(cause, "ENOENT") && !required) return undefined;
    throw new Failure("CONFIG_INVALID", `cannot read the configuration ${path}`, { cause });
  }
}

/** A key is known when it has a check: what its value must be, in words, and whether a value is that. */
const KEYS: Record<keyof ConfigFile, [expected: string, isValid: (value: unknown) => boolean]> = {
  state: ["an absolute path", isAbsolutePath],
  unit_directory: ["an absolute path", isAbsolutePath],
  runtime: ["the name of a runtime", (value) => typeof value === "string" && value !== ""],
  keep: ["a number of at least 1", (value) => Number.isSafeInteger(value) && (value as number) >= 1],
  additional_stores: [
    "a list of absolute paths",
    (value) => Array.isArray(value) && value.every(isAbsolutePath),
  ],
  host_access: ['"allow" or "refuse"', (value) => value === "allow" || value === "refuse"],
  keep_blobs: ["true or false", (value) => typeof value === "boolean"],
  pre_update: ["an absolute path", isAbsolutePath],
};

/** Checks the text of a berth.toml; `path` is for messages. CONFIG_INVALID names the file and the line or key. */
export async function parseConfigFile(text: string, path: string): Promise<ConfigFile> {
  const { parse, TomlError } = await import("smol-toml");
  try {
    const values = parse(text);
    for (const [key, value] of Object.entries(values)) checkKey(key, value, path);
    return values as ConfigFile;
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [reason = ""] = cause.message.split("\n");
    throw new Failure("CONFIG_INVALID", `${path}, line ${cause.line}: ${reason}`);
  }
}

function checkKey(key: string, value: unknown, path: string): void {
  const check = Object.hasOwn(KEYS, key) ? KEYS[key as keyof ConfigFile] : undefined;
  if (check === undefined) {
    const hint = `the keys are ${Object.keys(KEYS).join(", ")}`;
    throw new Failure("CONFIG_INVALID", `${path}: unknown key ${JSON.stringify(key)}`, { hint });
  }
  const [expected, isValid] = check;
  if (!isValid(value)) throw new Failure("CONFIG_INVALID", `${path}: ${key} must be ${expected}`);
}

function isAbsolutePath(value: unknown): boolean {
  return typeof value === "string" && isAbsolute(value) && !value.includes("\0");
}
