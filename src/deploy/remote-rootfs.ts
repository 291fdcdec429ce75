/** A root file system that already is somewhere: the admin's (`--rootfs`), or a checkout in a store of others. Never changed. */
import { readFileSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import { mergeListings } from "../layer/merge-listings.ts";
import { resolvePath, type Tree } from "../layer/tree.ts";
import { hostPath } from "../store/check-tree.ts";
import { readDirectory } from "../store/read-directory.ts";
import type { Store } from "../store/store.ts";
import { isInRoot } from "../sys/find-in-root.ts";
import { MADE_BY_SYSTEMD } from "./mounts.ts";
import { seenFrom } from "./paths.ts";
import type { Plan } from "./plan.ts";

/** A file of a tree, at once: see readTreeFile. */
export type ReadNow = (tree: Tree, path: string, limit?: number) => Buffer | undefined;

const READ_LIMIT = 4 * 1024 * 1024;

/** What a plan is made of. */
export interface Basis {
  tree: Tree;
  /** What has the tree's files. */
  store: Pick<Store, "readFile">;
  readNow: ReadNow;
  /** See Facts. */
  rootfs: string | undefined;
}

/**
 * The one that `typed` means: a directory with a `rootfs`, or a root file system itself, which has a `usr`. As the system
 * below `root` sees it, without symlinks on the way.
 * @throws Failure CONFIG_INVALID
 */
export async function findRemote(root: string, typed: string): Promise<string> {
  const given = join(root, typed);
  if (!(await isDirectory(given))) {
    throw new Failure(
      "CONFIG_INVALID",
      "The container's rootfs is set to remote, but the remote rootfs does not exist",
      { hint: `there is no directory ${given}` },
    );
  }
  for (const [path, isRootfs] of [
    [join(given, "rootfs"), true],
    [given, await isDirectory(join(given, "usr"))],
  ] as const)
    if (isRootfs && (await isDirectory(path))) return seenFrom(root, await realpath(path));
  throw new Failure(
    "CONFIG_INVALID",
    "--remote was specified but the given location does not contain a rootfs",
    { hint: `${given} has neither rootfs nor usr` },
  );
}

/** Facts about it are read where it is: it need not be what the image has. */
export async function remoteBasis(host: Host, rootfs: string): Promise<Basis> {
  const dir = join(host.config.root, rootfs);
  // Of what is for the host the contents count.
  const reads = (path: string): boolean => path.startsWith("exports/");
  const { listing } = await readDirectory(dir, { reads, signal: host.signal });
  const tree = mergeListings([listing]);
  const readNow: ReadNow = (below, path, limit = READ_LIMIT) => {
    const { entry } = resolvePath(below, path);
    if (entry === undefined) return undefined;
    if (entry.type !== "file" || entry.size > limit)
      throw new Failure("CONFIG_INVALID", `${path} in ${rootfs} is no file, or too long`);
    const change = listing.changes.find((each) => each.kind === "add" && each.node === entry);
    return readFileSync(hostPath(dir, change?.path ?? path));
  };
  const store: Basis["store"] = {
    readFile: async (below, path, { limit } = {}) => readNow(below, path, limit),
  };
  return { tree, rootfs, store, readNow };
}

/** What would have to be made in it before the plan's mounts could be, which nobody may. */
export function missingTargets({ config: { root } }: Host, plan: Plan): string[] {
  const { rootfs } = plan;
  // In a writable root they are made on top of it.
  if (rootfs === undefined || plan.directories.length > 0) return [];
  const config = JSON.parse(plan.files.find(({ name }) => name === "config.json")?.text ?? "{}") as {
    process: { cwd: string };
    mounts: { destination: string }[];
  };
  const destinations = config.mounts.map(({ destination }) => destination);
  const isCovered = (path: string): boolean =>
    destinations.some((other) => path !== other && path.startsWith(`${other}/`));
  const made = plan.runtime === "systemd" ? MADE_BY_SYSTEMD : [];
  return [...new Set([config.process.cwd, ...destinations, ...made])].filter(
    (path) => !isCovered(path) && !isInRoot(join(root, rootfs), path),
  );
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return false;
    throw error;
  }
}
