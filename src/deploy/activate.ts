/**
 * activate: the one change of a running system. Host files by rename, the NAME link by one rename, the unit enabled, one
 * daemon-reload, state directories, then the start job. The caller has written the journal and undoes a failure.
 */
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import { linkDurably, writeDurably } from "../sys/durable.ts";
import type { Info } from "./info.ts";
import { startUnit } from "./start.ts";

export async function activate(host: Host, info: Info, { start }: { start: boolean }): Promise<void> {
  const { name, deployment, hostFiles } = info.berth;
  const unit = `${name}.service`;
  host.report({ type: "step", step: "activate", name });
  await writeHostFiles(host, info);
  await linkDurably(host.layout.container(name), `${name}.${deployment}`);
  host.checkInterrupted();
  if (host.offline) {
    const { enableOffline } = await import("../systemd/offline.ts");
    await enableOffline(host.config.root, unit, host.config.unitDirectory);
    return;
  }
  const systemd = await host.systemd();
  await systemd.enable([unit]);
  await systemd.reload();
  host.checkInterrupted();
  const { createTmpfiles, createSysusers } = await import("../systemd/tmpfiles.ts");
  for (const { path, file } of hostFiles) {
    if (file.startsWith("sysusers-")) await createSysusers(path);
  }
  for (const { path, file } of hostFiles) {
    if (file.startsWith("tmpfiles-")) await createTmpfiles(path);
  }
  host.checkInterrupted();
  if (start) await startUnit(host, unit);
}

async function writeHostFiles({ config, layout }: Host, { berth }: Info): Promise<void> {
  const dir = layout.deployment(berth.name, berth.deployment);
  for (const { path, file, mode } of berth.hostFiles) {
    const target = join(config.root, path);
    await mkdir(dirname(target), { recursive: true });
    try {
      await writeDurably(target, await readFile(join(dir, file)), { mode });
    } catch (cause) {
      throw new Failure("HOST_FILE_CONFLICT", `cannot write ${target}`, { cause });
    }
  }
}
