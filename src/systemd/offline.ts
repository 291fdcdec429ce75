/**
 * enable and disable in a tree that does not run, as `systemctl --root` does it: links in the tree's /etc/systemd/system,
 * after the [Install] section of the unit. A link's text is the unit's path as seen inside the tree.
 */
import { mkdir, readdir, readlink, rename, rmdir, stat, symlink, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { isInside, linksOf, readInstalls } from "./install-section.ts";

/**
 * Enables a unit whose file lies in `unitDirectory` (a path of the running host, below `root`), and the units its Also=
 * names. Returns the links that were made; those that were right stay.
 * @throws Failure JOB_FAILED no such unit file, or masked; UNIT_INVALID for [Install]; HOST_FILE_CONFLICT
 */
export async function enableOffline(root: string, unit: string, unitDirectory: string): Promise<string[]> {
  const made: string[] = [];
  for (const install of await readInstalls(root, unit, unitDirectory)) {
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
  const also = await readInstalls(root, unit, unitDirectory).catch((error: unknown) => {
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
  for (const { path } of removed) await unlink(path).catch(unlessGone(undefined));
  for (const parent of new Set(removed.map(({ path }) => dirname(path)))) {
    if (parent !== directory) await removeEmpty(parent);
  }
  return removed.map(({ path }) => path);
}

/** Whether a target or unit of the tree pulls the unit in. */
export async function isEnabledOffline(root: string, unit: string): Promise<boolean> {
  const directory = join(root, "/etc/systemd/system");
  if (!(await isInside(directory, root))) return false;
  return (await linksBelow(directory)).some(
    ({ path, target }) => target !== "/dev/null" && basename(path) === unit,
  );
}

// Whether the link was made: false when it was there. A link of the same unit that points elsewhere is replaced.
async function placeLink(
  path: string,
  { root, target, replace }: { root: string; target: string; replace: boolean },
): Promise<boolean> {
  if (await makeLink(path, { root, target })) return true;
  const found = await readlink(path).catch(() => undefined);
  if (found !== undefined && (found === target || join(dirname(path), found) === join(root, target)))
    return false;
  if (!replace || found === undefined) throw new Failure("HOST_FILE_CONFLICT", `${path} is there already`);
  const temporary = `${path}.berth`;
  await symlink(target, temporary);
  await rename(temporary, path);
  return true;
}

// Whether there was none. Another command may remove the directory while it is empty: then it is made again.
async function makeLink(path: string, { root, target }: { root: string; target: string }): Promise<boolean> {
  for (;;) {
    await mkdir(dirname(path), { recursive: true });
    if (!(await isInside(dirname(path), root))) {
      throw new Failure("HOST_FILE_CONFLICT", `${dirname(path)} leads out of ${root}`);
    }
    try {
      await symlink(target, path);
      return true;
    } catch (error) {
      if (isErrno(error, "EEXIST")) return false;
      if (!isErrno(error, "ENOENT")) throw error;
    }
  }
}

// Symbolic links in the directory and in its *.wants, *.requires and *.upholds directories.
async function linksBelow(directory: string): Promise<{ path: string; target: string }[]> {
  const found: { path: string; target: string }[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(unlessGone([]))) {
    const path = join(directory, entry.name);
    if (entry.isSymbolicLink()) found.push({ path, target: await readlink(path).catch(unlessGone("")) });
    else if (entry.isDirectory() && /\.(wants|requires|upholds)$/.test(entry.name))
      found.push(...(await linksBelow(path)));
  }
  return found;
}

// Another command may remove what was just listed.
function unlessGone<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (isErrno(error, "ENOENT")) return instead;
    throw error;
  };
}

async function removeEmpty(directory: string): Promise<void> {
  try {
    if ((await stat(directory)).isDirectory()) await rmdir(directory);
  } catch (error) {
    if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "EEXIST") && !isErrno(error, "ENOENT")) throw error;
  }
}
