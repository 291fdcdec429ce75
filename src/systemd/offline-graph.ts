/** The order of the units in a tree that does not run, as far as their files tell. */
import { readdir, readlink } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { isErrno } from "../errors.ts";
import { getAllValues, getValue, parseUnit, type UnitFile } from "../unit/unit-file.ts";
import type { LoadedOrder } from "./graph.ts";
import { readDropIns, readUnitText, UNIT_PATH } from "./install-section.ts";

/** What systemd would load of the tree, without what generators make. `unitDirectory` is a path of the running host. */
export async function readOfflineOrder(root: string, unitDirectory: string): Promise<LoadedOrder> {
  const directories = [...new Set([`/${relative(root, unitDirectory)}`, ...UNIT_PATH])];
  const { units, ids, wanted } = await findUnits(root, directories);
  const after = new Map<string, string[]>();
  const orderedTargets = new Set<string>();
  const add = (name: string, other: string): void => {
    const [unit, before] = [ids.get(name) ?? name, ids.get(other) ?? other];
    after.set(unit, [...(after.get(unit) ?? []), before]);
  };
  for (const [name, path] of units) {
    const main = parseUnit(await readUnitText(path));
    const file = withDropIns(main, await readDropIns(root, name, directories));
    const isDefault = !/^(0|no|n|false|f|off)$/i.test(
      getValue(file, { section: "Unit", key: "DefaultDependencies" }) ?? "",
    );
    if (isDefault && name.endsWith(".target")) orderedTargets.add(name);
    for (const other of words(file, "After")) add(name, other);
    for (const other of words(file, "Before")) add(other, name);
    if (isDefault && name.endsWith(".service")) for (const target of BASIC) add(name, target);
    const pulled = [...words(file, "Wants"), ...words(file, "Requires"), ...(wanted.get(name) ?? [])];
    if (orderedTargets.has(name)) for (const other of pulled) add(name, other);
  }
  return { after, ids, orderedTargets };
}

const BASIC = ["sysinit.target", "basic.target"];

interface Found {
  /** Unit and the file that counts. */
  units: Map<string, string>;
  /** Other names of units. */
  ids: Map<string, string>;
  /** By UNIT.wants/ and UNIT.requires/. */
  wanted: Map<string, string[]>;
}

async function findUnits(root: string, directories: readonly string[]): Promise<Found> {
  const found: Found = { units: new Map(), ids: new Map(), wanted: new Map() };
  for (const directory of directories) {
    for (const entry of await entries(join(root, directory))) {
      const { name } = entry;
      const path = join(root, directory, name);
      const puller = /^(.+)\.(wants|requires)$/.exec(name)?.[1];
      if (puller !== undefined) {
        const names = (await entries(path)).map((link) => link.name);
        found.wanted.set(puller, [...(found.wanted.get(puller) ?? []), ...names]);
      } else if (!/\.(service|target|socket|mount|timer|path)$/.test(name) || found.units.has(name)) continue;
      else if (!entry.isSymbolicLink()) found.units.set(name, path);
      else if (!found.ids.has(name)) found.ids.set(name, basename(await readlink(path).catch(whenGone)));
    }
  }
  return found;
}

async function entries(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return [];
    throw error;
  }
}

function withDropIns(main: UnitFile, dropIns: readonly UnitFile[]): UnitFile {
  return { sections: [main, ...dropIns].flatMap(({ sections }) => sections) };
}

function words(file: UnitFile, key: string): string[] {
  return getAllValues(file, { section: "Unit", key }).flatMap((value) =>
    value.split(/[ \t]+/).filter((word) => word !== ""),
  );
}

/** Another command may remove a unit while we read. */
function whenGone(error: unknown): string {
  if (isErrno(error, "ENOENT")) return "";
  throw error;
}
