/** Overlays of writable roots, and whatever else is mounted in a deployment, taken down before its files go. */
import { rm } from "node:fs/promises";
import { Failure } from "../errors.ts";
import { mountsBelow } from "../sys/mount-points.ts";
import { runTool } from "../systemd/run-tool.ts";

/** Removes a deployment that nothing names any more, with what is mounted in it. @throws Failure BUSY */
export async function removeUnmounted(directory: string): Promise<void> {
  await unmountBelow(directory);
  await rm(directory, { recursive: true, force: true });
}

/** @throws Failure BUSY for a mount that something still uses. */
export async function unmountBelow(directory: string): Promise<void> {
  const pathsBelow = (): string[] => mountsBelow(directory).map(({ path }) => path);
  for (const path of pathsBelow().reverse()) {
    const { exitCode, stderr } = await runTool("umount", [path]);
    // systemd may have been faster: it takes down what no service needs.
    if (exitCode === 0 || !pathsBelow().includes(path)) continue;
    throw new Failure("BUSY", `${path} cannot be unmounted: ${stderr.trim()}`, {
      hint: "stop what uses it (see `fuser -vm`), then run the command again",
    });
  }
}
