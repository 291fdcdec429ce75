/**
 * What Project Atomic installed: NAME, a link to NAME.0 or NAME.1, directories with rootfs, config.json, info, NAME.service and
 * tmpfiles-NAME.conf. Read as it is found: older versions wrote fewer keys.
 */
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { deploymentOf } from "./name.ts";

export interface AtomicDeployment {
  number: number;
  dir: string;
  /** As installed, which may be short. */
  image: string;
  /** Hex of the image's digest; empty where it is not on record. */
  revision: string;
  /** Unix time, in seconds. */
  created: number;
  /** Those that the admin gave, as far as that can be told from defaults. */
  values: Record<string, string>;
  hasService: boolean;
  installedFiles: string[];
  checksums: Record<string, string>;
  runtime: string;
  /** Of `--rootfs`. */
  remote: string | undefined;
  /** Name of the package that has its host files. */
  rpm: string | undefined;
}

export interface AtomicContainer {
  name: string;
  current: number;
  /** Ascending. */
  deployments: AtomicDeployment[];
}

/** Names that are installed in `checkouts`, sorted. @throws Failure CONFIG_INVALID where there is no such directory */
export async function atomicNames(checkouts: string): Promise<string[]> {
  try {
    const entries = await readdir(checkouts, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isSymbolicLink() && !entry.name.startsWith("."))
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    if (!isErrno(cause, "ENOENT") && !isErrno(cause, "ENOTDIR")) throw cause;
    throw new Failure("CONFIG_INVALID", `${checkouts} holds no system containers of Atomic's`, {
      cause,
      hint: "name their directory with --from",
    });
  }
}

/** @throws Failure NOT_INSTALLED, CONFIG_INVALID when it is not whole */
export async function readAtomic(checkouts: string, name: string): Promise<AtomicContainer> {
  const target = await readlink(join(checkouts, name)).catch(() => undefined);
  const current = target === undefined ? undefined : deploymentOf(basename(target));
  if (current?.name !== name) {
    throw new Failure("NOT_INSTALLED", `Atomic has no container ${JSON.stringify(name)} in ${checkouts}`, {
      hint: "berth adopt --dry-run lists what it has",
    });
  }
  const deployments: AtomicDeployment[] = [];
  for (const number of [0, 1]) {
    const found = await readDeployment(checkouts, name, number);
    if (found !== undefined) deployments.push(found);
    else if (number === current.number)
      throw new Failure("CONFIG_INVALID", `${join(checkouts, `${name}.${number}`)} is not whole`);
  }
  return { name, current: current.number, deployments };
}

/** Undefined for one that Atomic could not go back to either. */
async function readDeployment(
  checkouts: string,
  name: string,
  number: number,
): Promise<AtomicDeployment | undefined> {
  const dir = join(checkouts, `${name}.${number}`);
  const info = await readJson(join(dir, "info"));
  if (info === undefined || !(await isThere(join(dir, "config.json")))) return undefined;
  const defaults = recordOf((await readJson(join(dir, "rootfs/exports/manifest.json")))?.["defaultValues"]);
  const checksums = recordOf(info["installed-files-checksum"]);
  const text = (key: string): string | undefined => {
    const value = info[key];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const created = Number(info["created"]);
  return {
    number,
    dir,
    image: text("image") ?? name,
    revision: text("revision") ?? "",
    created: Number.isFinite(created) ? Math.floor(created) : Math.floor((await stat(dir)).mtimeMs / 1000),
    values: givenValues(recordOf(info["values"]), { name, defaults }),
    hasService: info["has-container-service"] !== false,
    installedFiles: stringsOf(info["installed-files"]) ?? Object.keys(checksums),
    checksums,
    runtime: text("runtime") ?? "/usr/bin/runc",
    remote: text("remote"),
    rpm: text("rpm-installed"),
  };
}

/** What Atomic sets whatever the admin says, and what each host has of its own. */
const NEVER_GIVEN = new Set(
  "DESTDIR NAME EXEC_START EXEC_STOP EXEC_STARTPRE EXEC_STOPPOST HOST_UID HOST_GID IMAGE_NAME IMAGE_ID RUNTIME ATOMIC ALL_PROCESS_CAPABILITIES".split(
    " ",
  ),
);

/** `info` has all variables as if the admin had set them: those that say what they would say anyway are left out. Pure. */
export function givenValues(
  values: Record<string, string>,
  { name, defaults }: { name: string; defaults: Record<string, string> },
): Record<string, string> {
  const run = values["RUN_DIRECTORY"] ?? "/run";
  const own: Record<string, string> = {
    ...defaults,
    RUN_DIRECTORY: "/run",
    STATE_DIRECTORY: "/var/lib",
    CONF_DIRECTORY: "/etc",
    PIDFILE: `${run}/container-${name}.pid`,
  };
  return Object.fromEntries(
    Object.entries(values).filter(([key, value]) => !NEVER_GIVEN.has(key) && own[key] !== value),
  );
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR"))
      return undefined;
    throw error;
  }
}

/** Strings and numbers, as text. */
function recordOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  const pairs = Object.entries(value).filter(([, each]) => ["string", "number"].includes(typeof each));
  return Object.fromEntries(pairs.map(([key, each]) => [key, String(each)]));
}

function stringsOf(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : undefined;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
