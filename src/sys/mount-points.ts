/** What is mounted where: proc_pid_mountinfo(5). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface MountPoint {
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

/** The fourth and the fifth word of each line. */
export function parseMounts(text: string): MountPoint[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, , , root = "", path = ""] = line.split(" ");
      return { path: unescapeOctal(path), root: unescapeOctal(root) };
    });
}

/** Space, tab, newline and backslash stand as octal numbers. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
