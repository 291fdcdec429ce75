/** A file system in a file, mounted for a test: small, and it can be cut off as by a power failure. */
import { randomUUID } from "node:crypto";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { native } from "../../src/sys/libc.ts";

const ioctl = native("int ioctl(int fd, size_t request, void *argument)");

/** EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN, and their flag for: not even the journal is flushed. */
const SHUTDOWN = 0x8004587d;
const NO_LOG_FLUSH = 2;

/** Whether this host lets the tests mount one. */
export const canLoopMount = process.geteuid?.() === 0 && existsSync("/dev/loop-control");

export interface LoopImage extends AsyncDisposable {
  /** Where it is mounted. */
  dir: string;
  /** Stops all writing at once: what is not on the disk now never will be. */
  cutOff(): void;
  /** As after the next boot: the journal is replayed. */
  remount(): Promise<void>;
}

/** Makes it at `path` (and mounts it at `path`.d). Needs root. */
export async function makeLoopImage(
  path: string,
  { type, megabytes }: { type: "ext4" | "xfs" | "btrfs"; megabytes: number },
): Promise<LoopImage> {
  const dir = `${path}.d`;
  await mkdir(dir);
  await writeFile(path, "");
  await truncate(path, megabytes * 1024 * 1024);
  // ext4 keeps some room for root, who is who tests: none, so that full is full.
  await execa(`/usr/sbin/mkfs.${type}`, ["-q", ...(type === "ext4" ? ["-m", "0"] : []), path]);
  let disk = path;
  const mount = async (): Promise<void> => {
    // Two copies of an xfs have one UUID.
    await execa("mount", ["-o", type === "xfs" ? "loop,nouuid" : "loop", disk, dir]);
  };
  const unmount = async (): Promise<void> => {
    await execa("umount", [dir]);
  };
  await mount();
  return {
    dir,
    cutOff() {
      const fd = openSync(dir, "r");
      const flag = Buffer.alloc(4);
      flag.writeUInt32LE(NO_LOG_FLUSH);
      try {
        if (ioctl(fd, SHUTDOWN, flag) !== 0) throw new Error(`${type} cannot be cut off`);
      } finally {
        closeSync(fd);
      }
    },
    async remount() {
      await unmount();
      // A copy: a mount namespace that somebody else made meanwhile may still hold the file system that was cut off.
      const old = disk;
      disk = `${path}.${randomUUID()}`;
      await execa("cp", ["--sparse=always", old, disk]);
      await rm(old);
      await mount();
    },
    async [Symbol.asyncDispose]() {
      await unmount();
      await rm(disk);
      await rm(dir, { recursive: true });
    },
  };
}
