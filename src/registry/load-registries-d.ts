import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { containersConfigPaths } from "../oci/containers-config.ts";
import { printable } from "../oci/printable.ts";
import { EMPTY_REGISTRIES_D, mergeRegistriesD, parseRegistriesD, type RegistriesD } from "./registries-d.ts";

/** The directory that counts: the user's where there is one, else the system's. */
export function registriesDDirectory(root = "/"): string {
  const places = containersConfigPaths("registries.d", root);
  return places.find((path) => existsSync(path)) ?? (places.at(-1) as string);
}

/** All files of registries.d as one. Without any it is empty. CONFIG_INVALID. */
export async function loadRegistriesD(root = "/"): Promise<RegistriesD> {
  const directory = registriesDDirectory(root);
  let conf = EMPTY_REGISTRIES_D;
  for (const name of await listYaml(directory)) {
    const path = join(directory, name);
    conf = mergeRegistriesD(
      conf,
      parseRegistriesD(await parseYaml(await readFile(path, "utf8"), path), path),
      path,
    );
  }
  return conf;
}

export async function listYaml(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith(".yaml")).sort();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw new Failure("CONFIG_INVALID", `cannot read ${directory}`, { cause: error });
  }
}

async function parseYaml(text: string, path: string): Promise<unknown> {
  const { parse } = await import("yaml");
  try {
    return parse(text);
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error);
    throw new Failure("CONFIG_INVALID", `${path}: ${printable(reason)}`);
  }
}
