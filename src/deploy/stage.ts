/** stage: a plan becomes a deployment. Built as NAME.N.tmp, synced, then NAME.N by one rename. */
import { chmod, chown, mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
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
    const store = await host.store();
    await store.checkout(tree, join(staged, "rootfs"), {
      mountTargets: plan.mountTargets,
      signal: host.signal,
    });
    for (const directory of plan.directories) await makeDirectory(staged, directory);
    for (const { name, text, mode } of plan.files)
      await writeFile(join(staged, name), text, { mode, flag: "wx" });
    await recordState(
      host.layout,
      plan.name,
      plan.state.map(({ path }) => path),
    );
    await seedState(host, plan, { rootfs: join(staged, "rootfs"), tree });
    await syncFileSystem(staged);
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

async function makeDirectory(staged: string, { name, like }: Plan["directories"][number]): Promise<void> {
  const path = join(staged, name);
  await mkdir(path, { mode: 0o700 });
  if (like === undefined) return;
  const { uid, gid, mode } = await stat(join(staged, "rootfs", like));
  await chown(path, uid, gid);
  await chmod(path, mode & 0o7777);
}

async function syncFileSystem(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    syncfs(directory.fd);
  } finally {
    await directory.close();
  }
}
