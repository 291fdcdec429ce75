/** One change of a container at a time, over all processes. */
import { mkdir } from "node:fs/promises";
import type { Host } from "../host.ts";
import { type Lock, lockFile } from "../store/locks.ts";

/** Waits for a command that changes `name` now, and says so after a second. @throws Failure INTERRUPTED */
export async function lockContainer({ layout, report, signal }: Host, name: string): Promise<Lock> {
  const path = layout.containerLock(name);
  await mkdir(layout.containerLocks, { recursive: true, mode: 0o700 });
  return lockFile(path, { mode: "exclusive", report, signal });
}
