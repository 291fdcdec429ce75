/** Showing a directory at a second place by the calls that set what a mount may do before anybody sees it (Linux 5.12). */
import { closeSync } from "node:fs";
import { cString, lastError, native } from "./libc.ts";

/** Attributes that a mount can have beside those that it always has; mount_setattr(2). */
export const MOUNT_ATTRIBUTES = {
  noexec: 0x8,
  noatime: 0x10,
  strictatime: 0x20,
  nodiratime: 0x80,
  nosymfollow: 0x200000,
} as const;

export type MountAttribute = keyof typeof MOUNT_ATTRIBUTES;

/** Of every architecture, since calls of this age have one number. */
const OPEN_TREE = 428;
const MOVE_MOUNT = 429;
const MOUNT_SETATTR = 442;
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const O_CLOEXEC = 0o2000000;
const OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const READ_ONLY_NOSUID_NODEV = 0x7;
const ATIME = 0x70;
const MS_PRIVATE = 1n << 18n;
const UMOUNT_NOFOLLOW = 8;

const openTree = native("int syscall(long number, int dir, const void *path, unsigned int flags)");
const setAttributes = native(
  "int syscall(long number, int fd, const char *path, unsigned int flags, const void *attributes, size_t size)",
);
const moveMount = native(
  "int syscall(long number, int from, const char *fromPath, int to, const void *toPath, unsigned int flags)",
);
const umount2 = native("int umount2(const void *path, int flags)");

/**
 * Shows the directory `from`, without what is mounted in it, at `to`: read-only, without set-user-ID and without devices, from
 * the first moment on.
 */
export function bindReadOnly(from: string, to: string, attributes: readonly MountAttribute[] = []): void {
  const tree = openTree(OPEN_TREE, AT_FDCWD, cString(from), OPEN_TREE_CLONE | O_CLOEXEC);
  if (tree === -1) throw lastError({ syscall: "open_tree", path: Buffer.from(from) });
  try {
    const wanted = attributes.reduce((set, name) => set | MOUNT_ATTRIBUTES[name], READ_ONLY_NOSUID_NODEV);
    const attr = Buffer.alloc(32);
    attr.writeBigUInt64LE(BigInt(wanted), 0);
    attr.writeBigUInt64LE((wanted & ATIME) === 0 ? 0n : BigInt(ATIME), 8);
    // What is mounted in it later must not reach the directory itself.
    attr.writeBigUInt64LE(MS_PRIVATE, 16);
    if (setAttributes(MOUNT_SETATTR, tree, "", AT_EMPTY_PATH, attr, attr.length) === -1)
      throw lastError({ syscall: "mount_setattr", path: Buffer.from(from) });
    if (moveMount(MOVE_MOUNT, tree, "", AT_FDCWD, cString(to), MOVE_MOUNT_F_EMPTY_PATH) === -1)
      throw lastError({ syscall: "move_mount", path: Buffer.from(from), dest: Buffer.from(to) });
  } finally {
    closeSync(tree);
  }
}

/** EBUSY while somebody uses it. */
export function unmount(path: string): void {
  if (umount2(cString(path), UMOUNT_NOFOLLOW) === -1)
    throw lastError({ syscall: "umount", path: Buffer.from(path) });
}
