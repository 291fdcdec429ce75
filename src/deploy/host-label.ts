/** The SELinux labels that the host's policy gives to paths. */
import { existsSync } from "node:fs";
import { isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { runTool } from "../systemd/run-tool.ts";

/** The value of security.selinux for a path of the host; undefined where SELinux is off, or has no word on the path. */
export async function hostLabel(host: Host, path: string): Promise<Buffer | undefined> {
  // A tree that does not run is labelled by the system that will.
  if (host.offline || !existsSync("/sys/fs/selinux/enforce")) return undefined;
  try {
    const { exitCode, stdout } = await runTool("matchpathcon", ["-n", path]);
    const label = stdout.trim();
    return exitCode === 0 && label !== "" && label !== "<<none>>" ? Buffer.from(`${label}\0`) : undefined;
  } catch (error) {
    if (!isFailure(error, "NO_SYSTEMD")) throw error;
    const message = `${path} gets the label that its directory gives: matchpathcon is not installed`;
    host.report({ type: "warning", message });
    return undefined;
  }
}
