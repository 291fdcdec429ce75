/** The [Install] section of units in a tree that does not run: systemd.unit(5), "[Install] Section Options". */
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { extname, join, relative } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { expandInstallSpecifiers } from "../unit/specifiers.ts";
import { getAllValues, parseUnit, type UnitFile } from "../unit/unit-file.ts";
import { isUnitName } from "../unit/unit-name.ts";

/** Where units and drop-ins lie, in the order of systemd.unit(5). */
export const UNIT_PATH: readonly string[] = [
  "/etc/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];
const DEPENDENCIES = [
  ["WantedBy", "wants"],
  ["RequiredBy", "requires"],
  ["UpheldBy", "upholds"],
] as const;

interface Install {
  unit: string;
  /** Where its file lies, as seen inside the tree. */
  path: string;
  /** With its drop-ins. */
  file: UnitFile;
}

/**
 * The [Install] of a unit and, in turn, of what Also= names; of those, one that is missing or masked is left out, as systemctl
 * does. `unitDirectory` is a path of the running host, below `root`.
 * @throws Failure JOB_FAILED no such unit file, or masked; UNIT_INVALID
 */
export async function readInstalls(root: string, unit: string, unitDirectory: string): Promise<Install[]> {
  const installs = new Map<string, Install>();
  const wanted = [unit];
  for (const name of wanted) {
    if (installs.has(name)) continue;
    const install = await readInstall(root, name, unitDirectory).catch((error: unknown) => {
      if (name !== unit && error instanceof Failure && error.code === "JOB_FAILED") return undefined;
      throw error;
    });
    if (install === undefined) continue;
    installs.set(name, install);
    wanted.push(...namesIn(install, "Also"));
  }
  return [...installs.values()];
}

async function readInstall(root: string, unit: string, unitDirectory: string): Promise<Install> {
  const inside = `/${relative(root, unitDirectory)}`;
  for (const directory of new Set([inside, ...UNIT_PATH])) {
    const path = join(root, directory, unit);
    try {
      const isMask = (await readlink(path).catch(() => "")) === "/dev/null";
      if (isMask) throw new Failure("JOB_FAILED", `cannot enable ${unit}: the unit is masked`);
      if (!(await isInside(path, root))) continue;
      const main = parseUnit(await readFile(path, "utf8"));
      const dropIns = await readDropIns(root, unit, [...new Set([...UNIT_PATH, inside])]);
      return {
        unit,
        path: join(directory, unit),
        file: { sections: [main, ...dropIns].flatMap(({ sections }) => sections) },
      };
    } catch (error) {
      if (!isErrno(error, "ENOENT") && !isErrno(error, "ENOTDIR")) throw error;
    }
  }
  throw new Failure("JOB_FAILED", `cannot enable ${unit}: there is no such unit file in ${root}`);
}

/** UNIT.d/*.conf in the order of their names; of two with one name the first directory's counts. */
export async function readDropIns(
  root: string,
  unit: string,
  directories: readonly string[],
): Promise<UnitFile[]> {
  const paths = await dropInsOf(root, unit, directories);
  const names = [...paths.keys()].sort();
  return Promise.all(names.map(async (name) => parseUnit(await readUnitText(paths.get(name) ?? ""))));
}

/** The text of a unit file or drop-in that was just listed; empty when another command has removed it since. */
export async function readUnitText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "";
    throw error;
  }
}

/** The files of UNIT.d/ by name, as paths of the running host. */
export async function dropInsOf(
  root: string,
  unit: string,
  directories: readonly string[],
): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for (const directory of directories) {
    const dropIns = join(root, directory, `${unit}.d`);
    if (!(await isInside(dropIns, root))) continue;
    for (const name of await readdir(dropIns)) {
      if (name.endsWith(".conf") && !paths.has(name)) paths.set(name, join(dropIns, name));
    }
  }
  return paths;
}

/** The links that enable a unit, as seen inside the tree; `replace`: one that points elsewhere gives way. UNIT_INVALID. */
export function linksOf(install: Install): { link: string; replace: boolean }[] {
  const { unit } = install;
  const aliases = namesIn(install, "Alias").filter((alias) => alias !== unit);
  const odd = aliases.find((alias) => extname(alias) !== extname(unit));
  if (odd !== undefined)
    throw new Failure("UNIT_INVALID", `${unit} cannot have the alias ${odd}: it is of another type`);
  return [
    ...aliases.map((alias) => ({ link: `/etc/systemd/system/${alias}`, replace: false })),
    ...DEPENDENCIES.flatMap(([key, suffix]) =>
      namesIn(install, key).map((by) => ({
        link: `/etc/systemd/system/${by}.${suffix}/${unit}`,
        replace: true,
      })),
    ),
  ];
}

function namesIn({ unit, file }: Install, key: string): string[] {
  const words = getAllValues(file, { section: "Install", key }).flatMap((value) => value.split(/[ \t]+/));
  return words
    .filter((word) => word !== "")
    .map((word) => {
      const name = expandInstallSpecifiers(word.replace(/^(["'])(.*)\1$/, "$2"), unit);
      if (!isUnitName(name)) throw new Failure("UNIT_INVALID", `${key}=${word} of ${unit} names no unit`);
      return name;
    });
}

/** Whether `path` is there and leads nowhere out of `root`. */
export async function isInside(path: string, root: string): Promise<boolean> {
  try {
    const [real, base] = await Promise.all([realpath(path), realpath(root)]);
    return real === base || real.startsWith(base.endsWith("/") ? base : `${base}/`);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}
