/** A volume's first content: what the image has there. Once made, a state directory is the service's and is left alone. */
import { lstat, mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import { bytesOf } from "../layer/byte-string.ts";
import { resolvePath, type Tree } from "../layer/tree.ts";
import { syncDirectory } from "../sys/durable.ts";
import { runTool } from "../systemd/run-tool.ts";
import type { Plan } from "./plan.ts";

/**
 * Makes those of the plan's state directories that are missing, from `rootfs`, a checkout of `tree`: whole under their
 * names, or not at all.
 * @throws Failure NO_SPACE, INTERRUPTED
 */
export async function seedState(
  host: Host,
  plan: Plan,
  { rootfs, tree }: { rootfs: string; tree: Tree },
): Promise<void> {
  for (const { path, image } of plan.state) {
    const target = join(host.config.root, path);
    if (image === undefined || (await isThere(target))) continue;
    host.checkInterrupted();
    const source = bytesOf(resolvePath(tree, image).path).toString();
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await copyTree(join(rootfs, source), target, host.signal);
  }
}

async function copyTree(source: string, target: string, signal: AbortSignal): Promise<void> {
  const staged = join(dirname(target), `.${basename(target)}.new`);
  await rm(staged, { recursive: true, force: true });
  try {
    // Files of one content are one inode in a checkout: here each is a file of its own, since it will be written to.
    const args = [
      "--archive",
      "--no-preserve=links",
      "--reflink=auto",
      "--no-target-directory",
      "--",
      source,
      staged,
    ];
    const { exitCode, stderr } = await runTool("cp", args, { signal });
    if (exitCode !== 0) throw copyFailure(target, stderr.trim());
    await runTool("sync", ["--file-system", staged]);
    await rename(staged, target);
    await syncDirectory(dirname(target));
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw error;
  }
}

function copyFailure(target: string, reason: string): Failure {
  const full = /No space left on device/.test(reason);
  return new Failure(full ? "NO_SPACE" : "HOST_FILE_CONFLICT", `cannot fill ${target}: ${reason}`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}
