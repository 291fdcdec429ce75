/** What systemd.preset(5) files say of a unit. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "../errors.ts";

const DIRECTORIES = [
  "/etc/systemd/system-preset",
  "/run/systemd/system-preset",
  "/usr/local/lib/systemd/system-preset",
  "/usr/lib/systemd/system-preset",
  "/lib/systemd/system-preset",
];

export interface Preset {
  enable: boolean;
  /** The file that decides, as seen inside the tree; undefined where none names the unit: it is enabled then. */
  file: string | undefined;
}

/** The first line that matches decides, of the files in the order of their names; of two with one name the first directory's counts. */
export async function presetOf(root: string, unit: string): Promise<Preset> {
  const files = new Map<string, string>();
  for (const directory of DIRECTORIES) {
    for (const name of await namesIn(join(root, directory))) {
      if (name.endsWith(".preset") && !files.has(name)) files.set(name, join(directory, name));
    }
  }
  for (const name of [...files.keys()].sort()) {
    const file = files.get(name) ?? "";
    const enable = parsePreset(await readFile(join(root, file), "utf8"), unit);
    if (enable !== undefined) return { enable, file };
  }
  return { enable: true, file: undefined };
}

/** Whether the text of a preset file enables the unit; undefined when it says nothing of it. */
export function parsePreset(text: string, unit: string): boolean | undefined {
  for (const line of text.split("\n")) {
    const [, verb, pattern = ""] = /^\s*(enable|disable)\s+(\S+)/.exec(line) ?? [];
    if (verb !== undefined && matches(pattern, unit)) return verb === "enable";
  }
  return undefined;
}

/** fnmatch(3), as far as names of units have use for it. */
function matches(pattern: string, unit: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".")
    .replaceAll("[!", "[^");
  try {
    return new RegExp(`^${source}$`, "s").test(unit);
  } catch {
    return pattern === unit;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return [];
    throw error;
  }
}
