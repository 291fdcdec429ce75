/** stage: a plan becomes a deployment. Built as NAME.N.tmp, synced, then NAME.N by one rename. */
import { chmod, chown, mkdir, open, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Tree } from "../layer/tree.ts";
import { syncDirectory } from "../sys/durable.ts";
import { syncfs } from "../sys/syncfs.ts";
import type { Plan } from "./plan.ts";
import { seedState } from "./seed-state.ts";
import { recordState } from "./state-record.ts";

/** @throws Failure NO_SPACE, INTERRUPTED; nothing is left of a deployment that did not become whole. */
export async function stage(host: Host, plan: Plan, tree: Tree): Promise<void> {
  const dir = host.layout.deployment(plan.name, plan.deployment);
  const staged = host.layout.deploymentTmp(plan.name, plan.deployment);
  host.report({ type: "step", step: "checkout", name: plan.name });
  try {
    await mkdir(staged, { mode: 0o700 });
    const rootfs = await fill(host, plan, { dir: staged, tree });
    await recordState(
      host.layout,
      plan.name,
      plan.state.map(({ path }) => path),
    );
    await seedState(host, plan, { rootfs, tree });
    await syncPath(staged);
    await rename(staged, dir);
    await syncDirectory(dirname(dir));
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    if (!isErrno(error, "ENOSPC")) throw error;
    throw new Failure("NO_SPACE", `no space left on the file system of ${host.layout.containers}`, {
      cause: error,
      hint: "free some space there; berth rmi removes images that no one needs",
    });
  }
}

/** Makes in the directory `dir` what a plan says of a deployment: checkout, directories, files. Gives where its root file system is. */
export async function fill(
  host: Host,
  plan: Plan,
  { dir, tree }: { dir: string; tree: Tree },
): Promise<string> {
  const { mountTargets } = plan;
  const target = join(dir, "rootfs");
  if (plan.rootfs !== undefined) await symlink(plan.rootfs, target);
  else await (await host.store()).checkout(tree, target, { mountTargets, signal: host.signal });
  const rootfs = plan.rootfs === undefined ? target : join(host.config.root, plan.rootfs);
  for (const directory of plan.directories)
    await makeDirectory(join(dir, directory.name), directory.like, rootfs);
  for (const { name, text, mode } of plan.files) await writeFile(join(dir, name), text, { mode, flag: "wx" });
  return rootfs;
}

async function makeDirectory(path: string, like: string | undefined, rootfs: string): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (like === undefined) return;
  const { uid, gid, mode } = await stat(join(rootfs, like));
  await chown(path, uid, gid);
  await chmod(path, mode & 0o7777);
}

export async function syncPath(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    syncfs(directory.fd);
  } finally {
    await directory.close();
  }
}
