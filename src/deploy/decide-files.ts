/**
 * What becomes of each file of the host when a container's files change: by what its deployment wants, what the container had there,
 * what is there and who else has it. Pure.
 */
import { type InstalledFile, parentsOf } from "./installed-files.ts";
import { type Content, contentOf, isOneOf, type Ledger, type Tracked } from "./ledger.ts";

export type Outcome =
  | "created"
  | "replaced"
  | "unchanged"
  /** It was there already, the same. */
  | "shared"
  /** Something else is there, and is not berth's. */
  | "conflict"
  /** The admin changed it: it stays as it is. */
  | "edited"
  /** The admin removed it: it stays away. */
  | "deleted"
  | "removed"
  /** It stays, and is the container's no more: others have it, or it was there before. */
  | "left";

export interface Decision {
  /** On the host, from its root, without a symlink on the way. */
  path: string;
  action: "none" | "place" | "mkdir" | "remove" | "rmdir";
  outcome: Outcome;
  /** What the deployment wants there. */
  file: InstalledFile | undefined;
  /** Its line of the ledger in the end; undefined: it has none. */
  tracked: Tracked | undefined;
  /** Other containers that have it. */
  others: string[];
}

/** Anything that no image can bring: a device, a socket. */
export type Found = Content | { type: "other" };

/** What is known of the host before its files change; all paths without a symlink on the way. */
export interface FilesFacts {
  ledger: Ledger;
  found: ReadonlyMap<string, Found>;
  others: ReadonlyMap<string, readonly Other[]>;
}

export interface Other {
  /** Another container. */
  name: string;
  made: boolean;
}

/**
 * `wanted` has the paths of the host, without a symlink on the way; directories that files need are added. `purge`: what the
 * admin edited goes too. Sorted by path.
 */
export function decideFiles(
  wanted: readonly InstalledFile[],
  { facts, purge = false }: { facts: FilesFacts; purge?: boolean },
): Decision[] {
  const entries = new Map(facts.ledger.files.map((entry) => [entry.path, entry]));
  const all = withParents(wanted);
  const isDirectory = (path: string): boolean => {
    const file = all.get(path);
    return file === undefined
      ? isOneOf({ type: "directory" }, entries.get(path)?.versions ?? [])
      : file.type === "directory";
  };
  const paths = [...new Set([...all.keys(), ...entries.keys()])].sort();
  const decide = (path: string): Case => ({
    path,
    file: all.get(path),
    entry: entries.get(path),
    found: facts.found.get(path),
    others: facts.others.get(path) ?? [],
    settled: facts.ledger.settled,
    purge,
  });
  const leaves = paths.filter((path) => !isDirectory(path)).map((path) => decideLeaf(decide(path)));
  const needed = new Set<string>();
  for (const { path, action, outcome } of leaves)
    if (action === "place" || ["unchanged", "shared", "edited"].includes(outcome))
      for (const parent of parentsOf(path)) needed.add(parent);
  const directories = paths
    .filter(isDirectory)
    .reverse() // an empty directory needs those that it lies in
    .map((path) => {
      const decision = decideDirectory(decide(path), needed.has(path));
      if (decision.action === "mkdir") for (const parent of parentsOf(path)) needed.add(parent);
      return decision;
    });
  return blockBelowConflicts([...leaves, ...directories].sort((a, b) => (a.path < b.path ? -1 : 1)));
}

interface Case {
  path: string;
  file: InstalledFile | undefined;
  entry: Tracked | undefined;
  found: Found | undefined;
  others: readonly Other[];
  settled: boolean;
  purge: boolean;
}

/** A file or a symlink. */
function decideLeaf(each: Case): Decision {
  const { path, file, entry, found, others } = each;
  if (file === undefined) return decideUnwanted(each);
  const want = contentOf(file);
  const decided = decision(each);
  const tracked = (made: boolean): Tracked => ({ path, versions: [want], made });
  const isMade = others.some(({ made }) => made);
  if (entry === undefined) {
    if (found === undefined) return decided("place", "created", tracked(true));
    if (isContent(found) && isOneOf(found, [want])) return decided("none", "shared", tracked(isMade));
    return decided("none", "conflict", undefined);
  }
  if (found === undefined) {
    if (isDeleted(each, entry)) return decided("none", "deleted", { ...entry, deleted: true });
    return decided("place", "created", tracked(true));
  }
  if (isContent(found) && isOneOf(found, [want]))
    return decided("none", "unchanged", tracked(entry.made || isMade));
  if (!isContent(found) || !isOneOf(found, entry.versions)) return decided("none", "edited", present(entry));
  return entry.made && others.length === 0
    ? decided("place", "replaced", tracked(true))
    : decided("none", "conflict", undefined);
}

/** One that the deployment does not bring, and an earlier one did. */
function decideUnwanted(each: Case): Decision {
  const { entry, found, others, purge } = each;
  const decided = decision(each);
  if (entry === undefined) return decided("none", "left", undefined);
  if (found === undefined) {
    // Remembered: an earlier deployment may come back.
    const stays = entry.made && isDeleted(each, entry);
    return decided("none", "deleted", stays ? { ...entry, deleted: true } : undefined);
  }
  if (!entry.made || others.length > 0) return decided("none", "left", undefined);
  // A directory that somebody put in its place is not the image's.
  if ((purge && found.type !== "directory") || (isContent(found) && isOneOf(found, entry.versions)))
    return decided("remove", "removed", undefined);
  return decided("none", "edited", present(entry));
}

function decideDirectory(each: Case, isNeeded: boolean): Decision {
  const { path, file, entry, found, others } = each;
  const decided = decision(each);
  const isMade = (entry?.made ?? false) || others.some(({ made }) => made);
  const tracked = (made: boolean): Tracked => ({ path, versions: [{ type: "directory" }], made });
  const isWanted = isNeeded || (file?.type === "directory" && file.empty);
  if (found !== undefined && found.type !== "directory") {
    // A file of an earlier deployment may have been in its place.
    const isOurs = entry?.made === true && others.length === 0;
    if (isWanted && isOurs && isContent(found) && isOneOf(found, entry.versions))
      return decided("mkdir", "replaced", tracked(true));
    return decided("none", isWanted ? "conflict" : "left", undefined);
  }
  if (isWanted) {
    if (found !== undefined)
      return decided(
        "none",
        entry === undefined ? "shared" : "unchanged",
        isMade ? tracked(true) : undefined,
      );
    if (!isNeeded && entry !== undefined && isDeleted(each, entry))
      return decided("none", "deleted", { ...entry, deleted: true });
    return decided("mkdir", "created", tracked(true));
  }
  if (entry === undefined || found === undefined) return decided("none", "left", undefined);
  if (others.length > 0) return decided("none", "left", undefined);
  return decided("rmdir", "removed", undefined);
}

function decision(
  each: Case,
): (action: Decision["action"], outcome: Outcome, tracked: Tracked | undefined) => Decision {
  const { path, file } = each;
  const others = each.others.map(({ name }) => name);
  return (action, outcome, tracked) => ({ path, action, outcome, file, tracked, others });
}

/** What an unsettled ledger has and the host has not was perhaps taken away by berth. */
function isDeleted({ settled }: Case, { deleted }: Tracked): boolean {
  return settled || deleted === true;
}

function present({ path, versions, made }: Tracked): Tracked {
  return { path, versions, made };
}

function isContent(found: Found): found is Content {
  return found.type !== "other";
}

/** The files, with the directories that they lie in and the image does not describe. */
function withParents(wanted: readonly InstalledFile[]): Map<string, InstalledFile> {
  const all = new Map(wanted.map((file) => [file.path, file]));
  for (const { path: below } of wanted)
    for (const path of parentsOf(below))
      if (!all.has(path))
        all.set(path, { path, type: "directory", mode: 0o755, uid: 0, gid: 0, empty: false });
  return all;
}

/** Where a file is in the place of a directory, nothing can lie in it. */
function blockBelowConflicts(decisions: readonly Decision[]): Decision[] {
  const blocking = new Set(
    decisions
      .filter(({ file, outcome }) => outcome === "conflict" && file?.type === "directory")
      .map(({ path }) => path),
  );
  if (blocking.size === 0) return [...decisions];
  return decisions.map((each) =>
    each.action !== "none" && parentsOf(each.path).some((parent) => blocking.has(parent))
      ? { ...each, action: "none", outcome: "conflict", tracked: undefined }
      : each,
  );
}
