/** Overlays of writable roots, and whatever else is mounted in a deployment, taken down before its files go. */
import { readFile, rm } from "node:fs/promises";
import { Failure } from "../errors.ts";
import { runTool } from "../systemd/run-tool.ts";

/** Removes a deployment that nothing names any more, with what is mounted in it. @throws Failure BUSY */
export async function removeUnmounted(directory: string): Promise<void> {
  await unmountBelow(directory);
  await rm(directory, { recursive: true, force: true });
}

/** @throws Failure BUSY for a mount that something still uses. */
export async function unmountBelow(directory: string): Promise<void> {
  for (const path of (await mountsBelow(directory)).reverse()) {
    const { exitCode, stderr } = await runTool("umount", [path]);
    // systemd may have been faster: it takes down what no service needs.
    if (exitCode === 0 || !(await mountsBelow(directory)).includes(path)) continue;
    throw new Failure("BUSY", `${path} cannot be unmounted: ${stderr.trim()}`, {
      hint: "stop what uses it (see `fuser -vm`), then run the command again",
    });
  }
}

/** In the order in which they were mounted. */
async function mountsBelow(directory: string): Promise<string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  return lines
    .map((line) => unescapeOctal(line.split(" ")[4] ?? ""))
    .filter((path) => path.startsWith(`${directory}/`));
}

/** proc(5): space, tab, newline and backslash stand as octal numbers. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
