import { readFileSync } from "node:fs";

/** Where something is mounted in this process' mount namespace, in the order of mounting. */
export function readMountPoints(): string[] {
  return parseMountPoints(readFileSync("/proc/self/mountinfo", "utf8"));
}

/** The fifth word of each line of proc_pid_mountinfo(5). */
export function parseMountPoints(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => unescapeOctal(line.split(" ")[4] ?? ""));
}

/** Space, tab, newline and backslash stand as octal numbers. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
