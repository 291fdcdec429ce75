import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { containersConfigPaths, userCacheDirectory } from "../oci/containers-config.ts";
import { printable } from "../oci/printable.ts";
import {
  EMPTY_REGISTRIES_CONF,
  mergeRegistriesConf,
  parseRegistriesConf,
  type RegistriesConf,
} from "./registries-conf.ts";

/**
 * registries.conf (the user's takes the place of the system's) and over it the drop-ins of registries.conf.d, in the order of
 * their names, the system's before the user's; over all the aliases that podman has recorded. Without any file it is empty.
 * CONFIG_INVALID.
 */
export async function loadRegistriesConf(root = "/"): Promise<RegistriesConf> {
  let conf = EMPTY_REGISTRIES_CONF;
  for (const path of containersConfigPaths("registries.conf", root)) {
    const main = await loadFile(path);
    if (main === undefined) continue;
    conf = main;
    break;
  }
  for (const directory of containersConfigPaths("registries.conf.d", root).reverse())
    for (const name of await listConf(directory)) {
      const dropIn = await loadFile(join(directory, name));
      if (dropIn !== undefined) conf = mergeRegistriesConf(conf, dropIn);
    }
  const recorded = await loadFile(recordedAliases(root));
  if (recorded === undefined) return conf;
  return mergeRegistriesConf(conf, { ...EMPTY_REGISTRIES_CONF, aliases: recorded.aliases });
}

/** Where podman writes down which registry was chosen for a short name. */
function recordedAliases(root: string): string {
  const system = root !== "/" || process.geteuid?.() === 0;
  const directory = system ? join(root, "var/cache") : userCacheDirectory();
  return join(directory, "containers/short-name-aliases.conf");
}

async function loadFile(path: string): Promise<RegistriesConf | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw new Failure("CONFIG_INVALID", `cannot read ${path}`, { cause: error });
  }
  return parseRegistriesConf(await parseToml(text, path), path);
}

async function parseToml(text: string, path: string): Promise<Record<string, unknown>> {
  const { parse } = await import("smol-toml");
  try {
    return parse(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error);
    throw new Failure("CONFIG_INVALID", `${path}: ${printable(reason)}`, { cause: error });
  }
}

async function listConf(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith(".conf")).sort();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw new Failure("CONFIG_INVALID", `cannot read ${directory}`, { cause: error });
  }
}
