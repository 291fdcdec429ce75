/** Which OCI runtimes a system has, and which versions they say they are. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { isFailure } from "../errors.ts";
import { findRuntime } from "./runtime.ts";

/** `runc 1.1.5+ds1 at /usr/sbin/runc`, one for each that is installed; of an offline `root` only where they are. */
export async function installedRuntimes(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of ["runc", "crun"]) {
    try {
      const runtime = await findRuntime(name, { root });
      if (runtime.kind !== "oci") continue;
      const version = root === "/" ? await versionOf(runtime.path) : undefined;
      found.push(version === undefined ? runtime.path : `${name} ${version} at ${runtime.path}`);
    } catch (error) {
      if (!isFailure(error, "RUNTIME_MISSING")) throw error;
    }
  }
  return found;
}

/** The version in the first line of what `--version` prints; undefined for a program that tells none. */
async function versionOf(path: string): Promise<string | undefined> {
  const run = promisify(execFile);
  const { stdout } = await run(path, ["--version"], { timeout: 5000 }).catch(() => ({ stdout: "" }));
  return /\bversion:? (\S+)/.exec(stdout.split("\n")[0] ?? "")?.[1];
}
