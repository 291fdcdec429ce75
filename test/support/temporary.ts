import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A new directory that goes when the test that runs, or is being set up, has ended. */
export async function temporaryDirectory(name: string): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), `berth-${name}-`));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}
