import { chmodSync, lchownSync, lstatSync, renameSync, type Stats } from "node:fs";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { type ByteString, bytesOf, showBytes } from "../layer/byte-string.ts";
import { parentOf } from "../layer/entry-path.ts";
import { impliedDirectory, type Tree, type TreeDirectory, type TreeEntry } from "../layer/tree.ts";
import { renameExchange } from "../sys/renameat2.ts";
import { lutimens } from "../sys/utimens.ts";
import { lremovexattr, lsetxattr } from "../sys/xattr.ts";
import { hostPath, type TreeDamage } from "./check-tree.ts";
import { checkoutTree } from "./checkout.ts";
import { removeTree, syncFileSystem } from "./files.ts";
import type { Layout } from "./layout.ts";
import { lockFile } from "./locks.ts";
import { readXattrs } from "./read-xattrs.ts";
import { makeStage } from "./stage.ts";

export interface RepairTreeOptions {
  /** The checkout. */
  dir: string;
  damaged: readonly TreeDamage[];
  /** Paths of the host below which nothing may be removed: something is mounted there. */
  mountPoints: readonly string[];
}

/**
 * Puts a checkout right: each entry is made anew from the store beside it and renamed to its place, so that a service that runs from it sees the
 * old file or the new one; what it has open stays the old one.
 */
export async function repairTree(
  layout: Layout,
  tree: Tree,
  { dir, damaged, mountPoints }: RepairTreeOptions,
): Promise<void> {
  using _ = await lockFile(layout.lock, { mode: "shared" });
  const stage = makeStage(layout);
  const parents = new Set<ByteString>();
  try {
    for (const [at, { path, entry }] of damaged.entries()) {
      const target = hostPath(dir, path);
      if (path !== "") parents.add(parentOf(path));
      if (entry?.type === "directory" && isDirectory(target)) setDirectory(target, entry);
      else if (path === "") throw new Failure("STORE_CORRUPT", `${dir} is no directory`);
      else {
        refuseMounts(target, { mountPoints, path });
        await replace(layout, entry, { target, aside: join(stage.dir, String(at)) });
      }
    }
    for (const path of parents) {
      const parent = directoryAt(tree, path);
      if (parent !== undefined) lutimens(hostPath(dir, path), parent.mtime);
    }
    syncFileSystem(dir);
  } finally {
    await stage.remove();
  }
}

/** Makes the entry aside and puts it in place by one rename; what was there goes. */
async function replace(
  layout: Layout,
  entry: TreeEntry | undefined,
  { target, aside }: { target: Buffer; aside: string },
): Promise<void> {
  const root: TreeDirectory = { ...impliedDirectory(), children: new Map() };
  if (entry !== undefined) root.children.set("new", entry);
  await checkoutTree(layout, { root }, { dir: aside });
  const made = join(aside, "new");
  if (entry === undefined) renameIfThere(target, join(aside, "old"));
  else if (statOf(target) === undefined) renameSync(made, target);
  else renameExchange(made, target);
  await removeTree(aside);
}

function renameIfThere(from: Buffer, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/** A directory keeps its place, since others are below it. */
function setDirectory(path: Buffer, { mode, uid, gid, mtime, xattrs }: TreeDirectory): void {
  lchownSync(path, uid, gid);
  chmodSync(path, mode);
  const wanted = new Set(xattrs.map(({ name }) => name));
  for (const { name } of readXattrs(path)) if (!wanted.has(name)) lremovexattr(path, bytesOf(name));
  for (const { name, value } of xattrs) lsetxattr(path, bytesOf(name), value);
  lutimens(path, mtime);
}

function refuseMounts(
  target: Buffer,
  { mountPoints, path }: { mountPoints: readonly string[]; path: ByteString },
): void {
  const at = target.toString();
  const mount = mountPoints.find((point) => point === at || point.startsWith(`${at}/`));
  if (mount === undefined) return;
  throw new Failure("BUSY", `/${showBytes(path)} cannot be put right: something is mounted on ${mount}`, {
    hint: `umount ${mount}, then repair again`,
  });
}

function directoryAt(tree: Tree, path: ByteString): TreeDirectory | undefined {
  let at: TreeEntry | undefined = tree.root;
  for (const name of path === "" ? [] : path.split("/"))
    at = at?.type === "directory" ? at.children.get(name) : undefined;
  return at?.type === "directory" ? at : undefined;
}

function isDirectory(path: Buffer): boolean {
  return statOf(path)?.isDirectory() === true;
}

function statOf(path: Buffer): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
