/** What is mounted where: proc_pid_mountinfo(5). */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { hasCode } from "./if-there.ts";

export interface MountPoint {
  /** The file system, as `MAJOR:MINOR`. */
  device: string;
  /** Where it is mounted. */
  path: string;
  /** Which directory of its file system is seen there: `/` unless it is a bind mount. */
  root: string;
}

/** Where something is mounted in this process' mount namespace, in the order of mounting. */
export function readMountPoints(): string[] {
  return readMounts().map(({ path }) => path);
}

/** The mounts of this process' mount namespace, in the order of mounting. */
export function readMounts(): MountPoint[] {
  return parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
}

/** The mounts of every mount namespace that a process is in. */
export function readAllMounts(): MountPoint[] {
  const mounts: MountPoint[] = [];
  const seen = new Set<string>();
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const namespace = readlinkSync(`/proc/${pid}/ns/mnt`);
      if (seen.has(namespace)) continue;
      seen.add(namespace);
      mounts.push(...parseMounts(readFileSync(`/proc/${pid}/mountinfo`, "utf8")));
    } catch {
      // It ended while we looked, or is not ours to look at.
    }
  }
  return mounts;
}

/** Of `mounts`, those that show the directory `given` of this mount namespace, at whatever place, in whatever namespace. */
export function mountsOf(given: string, mounts: readonly MountPoint[] = readAllMounts()): MountPoint[] {
  const path = realPath(given);
  const isAround = (at: string): boolean => at === "/" || path === at || path.startsWith(`${at}/`);
  // The innermost; of several at one place the last.
  const own = readMounts()
    .filter((mount) => isAround(mount.path))
    .reduce<MountPoint | undefined>(
      (best, mount) => (best === undefined || mount.path.length >= best.path.length ? mount : best),
      undefined,
    );
  if (own === undefined) return [];
  const root = join(own.root, relative(own.path, path));
  return mounts.filter((mount) => mount.device === own.device && mount.root === root);
}

/** Of `mounts`, those at places below the directory. */
export function mountsBelow(given: string, mounts: readonly MountPoint[] = readMounts()): MountPoint[] {
  const directory = realPath(given);
  return mounts.filter(({ path }) => path.startsWith(`${directory}/`));
}

/** The kernel knows no symlinks on the way. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return path;
    throw error;
  }
}

/** The third to the fifth word of each line. */
export function parseMounts(text: string): MountPoint[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, , device = "", root = "", path = ""] = line.split(" ");
      return { device, path: unescapeOctal(path), root: unescapeOctal(root) };
    });
}

/** Space, tab, newline and backslash stand as octal numbers. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
