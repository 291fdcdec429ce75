/** One change of a container at a time, over all processes. */
import { mkdir } from "node:fs/promises";
import type { Host } from "../host.ts";
import { type Lock, lockFile } from "../store/locks.ts";
import { deploymentOf } from "./name.ts";

/** Waits for a command that changes `name` now, and says so after a second. @throws Failure INTERRUPTED */
export async function lockContainer({ layout, report, signal }: Host, name: string): Promise<Lock> {
  const path = layout.containerLock(name);
  await mkdir(layout.containerLocks, { recursive: true, mode: 0o700 });
  return lockFile(path, { mode: "exclusive", report, signal });
}

/**
 * For a name that is to be taken: of names that exclude each other (`x` and `x.0`) one is taken at a time. Whoever takes `x.0`
 * holds `x` too, and always that one first. @throws Failure INTERRUPTED
 */
export async function lockName(host: Host, name: string): Promise<Pick<Lock, "release">> {
  const outer = deploymentOf(name)?.name;
  if (outer === undefined) return lockContainer(host, name);
  const first = await lockContainer(host, outer);
  try {
    const second = await lockContainer(host, name);
    return {
      release: () => {
        second.release();
        first.release();
      },
    };
  } catch (error) {
    first.release();
    throw error;
  }
}
