/** One file of an image put on the host, or taken away: whole or not at all, and durable. */
import { constants } from "node:fs";
import {
  chmod,
  copyFile,
  lchown,
  link,
  mkdir,
  open,
  rename,
  rm,
  rmdir,
  symlink,
  unlink,
} from "node:fs/promises";
import { dirname } from "node:path";
import { isErrno } from "../errors.ts";
import { setAttributes } from "../store/attributes.ts";
import { readXattrs } from "../store/read-xattrs.ts";
import { asideOf, removeStaleAsides, syncDirectory } from "../sys/durable.ts";
import { lsetxattr } from "../sys/xattr.ts";
import type { InstalledDirectory, InstalledLink, InstalledRegular } from "./installed-files.ts";

const SELINUX = "security.selinux";

export interface PlaceOptions {
  /** The file that a regular file is a copy of. */
  source: string;
  /** The SELinux label of the path; undefined where there are none. */
  label: Buffer | undefined;
}

/** Makes `target`, or takes the place of what berth had there; its directory is there. */
export async function placeFile(
  target: string,
  file: InstalledLink | InstalledRegular,
  { source, label }: PlaceOptions,
): Promise<void> {
  await removeStaleAsides(target);
  const aside = asideOf(target);
  try {
    if (file.type === "symlink") {
      await symlink(file.target, aside);
      await lchown(aside, file.uid, file.gid);
      if (label !== undefined) lsetxattr(aside, SELINUX, label);
    } else if (!file.link || !(await tryLink(source, aside, label))) {
      await copy(source, aside, { file, label });
    }
    await makeRoom(target);
    await rename(aside, target);
  } finally {
    await rm(aside, { force: true }); // still there after a failure, and when it was one inode with the target
  }
  await syncDirectory(dirname(target));
}

/** Makes a directory, with its mode and owner or not at all, whose parent is there; a file of berth's may be in its place. */
export async function placeDirectory(
  target: string,
  { mode, uid, gid }: InstalledDirectory,
  label: Buffer | undefined,
): Promise<void> {
  await unlink(target).catch((error: unknown) => {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "EISDIR")) throw error;
  });
  await removeStaleAsides(target);
  const aside = asideOf(target);
  await mkdir(aside, { mode: 0o700 });
  try {
    await lchown(aside, uid, gid);
    await chmod(aside, mode);
    if (label !== undefined) lsetxattr(aside, SELINUX, label);
    await rename(aside, target);
  } catch (error) {
    await rmdir(aside);
    if (isErrno(error, "ENOTEMPTY") || isErrno(error, "EEXIST")) return;
    throw error;
  }
  await syncDirectory(dirname(target));
}

/** One inode with the store's object: not with another label, not over file systems. */
async function tryLink(source: string, aside: string, label: Buffer | undefined): Promise<boolean> {
  if (label !== undefined) {
    const { lgetxattr } = await import("../sys/xattr.ts");
    if (lgetxattr(source, SELINUX)?.equals(label) !== true) return false;
  }
  try {
    await link(source, aside);
    return true;
  } catch (error) {
    if (isErrno(error, "EXDEV") || isErrno(error, "EMLINK") || isErrno(error, "EPERM")) return false;
    throw error;
  }
}

async function copy(
  source: string,
  aside: string,
  { file: { mode, uid, gid }, label }: { file: InstalledRegular; label: Buffer | undefined },
): Promise<void> {
  const from = await open(source, "r");
  try {
    const { mtimeNs } = await from.stat({ bigint: true });
    await copyFile(source, aside, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    setAttributes(aside, { type: "file", mode, uid, gid, mtime: mtimeNs, xattrs: readXattrs(source) });
    if (label !== undefined) lsetxattr(aside, SELINUX, label);
  } finally {
    await from.close();
  }
  const made = await open(aside, "r");
  try {
    await made.sync();
  } finally {
    await made.close();
  }
}

/** A rename takes the place of a file, and of no directory. */
async function makeRoom(target: string): Promise<void> {
  try {
    await rmdir(target);
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "ENOTDIR")) throw error;
  }
}
