/** A volume's first content: what the image has there, without what gives rights. Once made, a state directory is the service's and is left alone. */
import { chmod, constants, lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import { bytesOf } from "../layer/byte-string.ts";
import { resolvePath, type Tree } from "../layer/tree.ts";
import { syncDirectory } from "../sys/durable.ts";
import { isThere } from "../sys/if-there.ts";
import { llistxattr, lremovexattr } from "../sys/xattr.ts";
import { runTool } from "../systemd/run-tool.ts";
import { placeInRoot } from "./paths.ts";
import type { Plan } from "./plan.ts";

/** Of a file: capabilities for whoever runs it. */
const CAPABILITY = "security.capability";

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
    const target = placeInRoot(host.config.root, path);
    if (image === undefined || (await isThere(target))) continue;
    host.checkInterrupted();
    const source = bytesOf(resolvePath(tree, image).path).toString();
    await makeParent(host, plan, dirname(path));
    await copyTree(join(rootfs, source), target, host.signal);
  }
}

/** The directory that the others lie in, as tmpfiles will want it: a plan names it first. */
async function makeParent({ config }: Host, plan: Plan, path: string): Promise<void> {
  const target = placeInRoot(config.root, path);
  const planned = plan.state.find((directory) => directory.path === path);
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  try {
    await mkdir(target, { mode: planned === undefined ? 0o755 : Number.parseInt(planned.mode, 8) });
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

async function copyTree(source: string, target: string, signal: AbortSignal): Promise<void> {
  const aside = join(dirname(target), `.${basename(target)}.new`);
  const staged = join(aside, "content");
  await rm(aside, { recursive: true, force: true });
  try {
    // Nobody else's to enter before all is disarmed.
    await mkdir(aside, { mode: 0o700 });
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
    for await (const path of filesBelow(Buffer.from(staged))) await disarm(path);
    await runTool("sync", ["--file-system", staged]);
    await rename(staged, target);
    await syncDirectory(dirname(target));
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Names are bytes: an image's need not be text. */
async function* filesBelow(directory: Buffer): AsyncGenerator<Buffer> {
  for (const entry of await readdir(directory, { withFileTypes: true, encoding: "buffer" })) {
    const path = Buffer.concat([directory, Buffer.from("/"), entry.name]);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/** State lies where the host's users may come by, and no container needs there what gives rights to whoever has it. */
async function disarm(path: Buffer): Promise<void> {
  const { mode } = await lstat(path);
  const kind = mode & constants.S_IFMT;
  if (kind === constants.S_IFBLK || kind === constants.S_IFCHR) return rm(path);
  if (kind !== constants.S_IFREG) return;
  if ((mode & 0o6000) !== 0) await chmod(path, mode & 0o1777);
  if (llistxattr(path).some((name) => name.toString() === CAPABILITY)) lremovexattr(path, CAPABILITY);
}

function copyFailure(target: string, reason: string): Failure {
  const full = /No space left on device/.test(reason);
  return new Failure(full ? "NO_SPACE" : "HOST_FILE_CONFLICT", `cannot fill ${target}: ${reason}`);
}
