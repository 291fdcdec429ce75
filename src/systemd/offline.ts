/**
 * enable and disable in a tree that does not run, as `systemctl --root` does it: links in the tree's /etc/systemd/system,
 * after the [Install] section of the unit. A link's text is the unit's path as seen inside the tree.
 */
import {
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rmdir,
  stat,
  symlink,
  unlink,
} from "node:fs/promises";
import { basename, dirname, extname, join, relative } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { expandInstallSpecifiers } from "../unit/specifiers.ts";
import { getAllValues, parseUnit, type UnitFile } from "../unit/unit-file.ts";
import { isUnitName } from "../unit/unit-name.ts";

/** Where units lie, after the directory that the caller names; the order of systemd.unit(5). */
const UNIT_PATH = [
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
  /** The name of the unit, and where its file lies, as seen inside the tree. */
  unit: string;
  path: string;
  file: UnitFile;
}

/**
 * Enables a unit whose file lies in `unitDirectory` (a path of the running host, below `root`), and the units its Also=
 * names. Returns the links that were made; those that were right stay.
 * @throws Failure JOB_FAILED no such unit file, or masked; UNIT_INVALID for [Install]; HOST_FILE_CONFLICT
 */
export async function enableOffline(root: string, unit: string, unitDirectory: string): Promise<string[]> {
  const made: string[] = [];
  for (const install of await withAlso(root, unit, unitDirectory)) {
    for (const { link, replace } of linksOf(install)) {
      if (await placeLink(join(root, link), { root, target: install.path, replace }))
        made.push(join(root, link));
    }
  }
  return made;
}

/**
 * Removes the links that enable a unit and the units its Also= names, also when the unit's file is gone, and the directories
 * left empty. A mask stays. Returns the links that were removed.
 */
export async function disableOffline(root: string, unit: string, unitDirectory: string): Promise<string[]> {
  const also = await withAlso(root, unit, unitDirectory).catch((error: unknown) => {
    if (error instanceof Failure && error.code === "JOB_FAILED") return [];
    throw error;
  });
  const names = new Set([unit, ...also.map((install) => install.unit)]);
  const directory = join(root, "/etc/systemd/system");
  if (!(await isInside(directory, root))) return [];
  const links = await linksBelow(directory);
  // An alias of an alias is found in a further round, as more names are known.
  for (let before = 0; before !== names.size; ) {
    before = names.size;
    for (const { path, target } of links) {
      if (target !== "/dev/null" && names.has(basename(target))) names.add(basename(path));
    }
  }
  const removed = links.filter(({ path, target }) => target !== "/dev/null" && names.has(basename(path)));
  for (const { path } of removed) await unlink(path);
  for (const parent of new Set(removed.map(({ path }) => dirname(path)))) {
    if (parent !== directory) await removeEmpty(parent);
  }
  return removed.map(({ path }) => path);
}

// The unit and, in turn, what Also= names; of those, one that is missing or masked is left out, as systemctl does.
async function withAlso(root: string, unit: string, unitDirectory: string): Promise<Install[]> {
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
      return { unit, path: join(directory, unit), file: parseUnit(await readFile(path, "utf8")) };
    } catch (error) {
      if (!isErrno(error, "ENOENT") && !isErrno(error, "ENOTDIR")) throw error;
    }
  }
  throw new Failure("JOB_FAILED", `cannot enable ${unit}: there is no such unit file in ${root}`);
}

function linksOf(install: Install): { link: string; replace: boolean }[] {
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

// Whether the link was made: false when it was there. A link of the same unit that points elsewhere is replaced.
async function placeLink(
  path: string,
  { root, target, replace }: { root: string; target: string; replace: boolean },
): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  if (!(await isInside(dirname(path), root))) {
    throw new Failure("HOST_FILE_CONFLICT", `${dirname(path)} leads out of ${root}`);
  }
  try {
    await symlink(target, path);
    return true;
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
  const found = await readlink(path).catch(() => undefined);
  if (found !== undefined && (found === target || join(dirname(path), found) === join(root, target)))
    return false;
  if (!replace || found === undefined) throw new Failure("HOST_FILE_CONFLICT", `${path} is there already`);
  const temporary = `${path}.berth`;
  await symlink(target, temporary);
  await rename(temporary, path);
  return true;
}

async function isInside(path: string, root: string): Promise<boolean> {
  try {
    const [real, base] = await Promise.all([realpath(path), realpath(root)]);
    return real === base || real.startsWith(base.endsWith("/") ? base : `${base}/`);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

// Symbolic links in the directory and in its *.wants, *.requires and *.upholds directories.
async function linksBelow(directory: string): Promise<{ path: string; target: string }[]> {
  const found: { path: string; target: string }[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isSymbolicLink()) found.push({ path, target: await readlink(path) });
    else if (entry.isDirectory() && /\.(wants|requires|upholds)$/.test(entry.name))
      found.push(...(await linksBelow(path)));
  }
  return found;
}

async function removeEmpty(directory: string): Promise<void> {
  try {
    if ((await stat(directory)).isDirectory()) await rmdir(directory);
  } catch (error) {
    if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "EEXIST")) throw error;
  }
}
