/** install: pull -> observe -> plan -> stage -> activate, undone as a whole when any of it fails. */
import { mkdir } from "node:fs/promises";
import type { Host } from "../host.ts";
import type { Tree } from "../layer/tree.ts";
import { containerNameOf, parseReference } from "../oci/reference.ts";
import { findRuntime } from "../runtime/runtime.ts";
import type { AcceptedImage } from "./accept.ts";
import { activate } from "./activate.ts";
import { requireRunning } from "./control.ts";
import { dismantle } from "./dismantle.ts";
import { requireFreeName } from "./free-name.ts";
import { readInfo } from "./info.ts";
import { type RemovalIntent, removeIntent, writeIntent } from "./journal.ts";
import { lockName } from "./lock.ts";
import { makePlan, type Planned } from "./make-plan.ts";
import { checkName } from "./name.ts";
import { missingPaths } from "./observe.ts";
import type { Plan } from "./plan.ts";
import { findOrPull } from "./pull.ts";
import { recorded } from "./record.ts";
import { recover } from "./recover.ts";
import type { InstallRequest } from "./request.ts";
import { requireLinks } from "./require-links.ts";
import { isRunOnce, runAccepted } from "./run-image.ts";
import { changeSettings } from "./settings.ts";
import { stage } from "./stage.ts";
import { recordActivation } from "./standings.ts";
import { startUnit } from "./start.ts";
import { recordedState } from "./state-record.ts";
import { ownState } from "./volume.ts";

/** Of an image that is no service: it ran, once, and this was its exit status. */
export interface Ran {
  status: number;
}

/**
 * Installs, enables and (unless told not to) starts; when it returns, the service is up by systemd's word. An image that is
 * made to run once does so instead.
 */
export async function install(host: Host, request: InstallRequest): Promise<Plan | Ran> {
  host.requireRoot("install a container");
  const name = await checkEarly(host, request);
  const image = await findOrPull(host, request);
  if (isRunOnce(image)) {
    requireRunning(host, "an image that runs once");
    return { status: await runAccepted(host, { ...request, name }, { image, command: [] }) };
  }
  await mkdir(host.layout.containers, { recursive: true, mode: 0o700 });
  const lock = await lockName(host, name);
  try {
    await recover(host, name);
    return await recorded(host, { change: "install", name }, async (recording, begin) => {
      const { plan, tree } = await planInstall(recording, { name, request, image });
      begin({ deployment: plan.deployment, digest: plan.digest });
      await apply(recording, plan, { tree, autoUpdate: request.autoUpdate ?? false });
      return plan;
    });
  } finally {
    lock.release();
  }
}

/** The plan alone: pulls into the store and changes nothing else. */
export async function dryRun(host: Host, request: InstallRequest): Promise<Plan> {
  const name = await checkEarly(host, request);
  const image = await findOrPull(host, request);
  return (await planInstall(host, { name, request, image })).plan;
}

/** What can be refused before anything is downloaded. */
async function checkEarly(host: Host, request: InstallRequest): Promise<string> {
  const name = checkName(request.name ?? containerNameOf(parseReference(request.image)));
  await requireLinks(host.layout);
  if (!host.offline) await host.systemd();
  await findRuntime(request.runtime ?? host.config.runtime, { root: host.config.root });
  return name;
}

async function planInstall(
  host: Host,
  { name, request, image }: { name: string; request: InstallRequest; image: AcceptedImage },
): Promise<Planned> {
  await requireFreeName(host, name, request);
  return makePlan(host, { name, request, image, number: 0 });
}

async function apply(
  host: Host,
  plan: Plan,
  { tree, autoUpdate }: { tree: Tree; autoUpdate: boolean },
): Promise<void> {
  const recorded = await recordedState(host.layout, plan.name);
  const intent: RemovalIntent = {
    schema: 1,
    action: "install",
    name: plan.name,
    hostFiles: await missingPaths(
      host,
      plan.hostFiles.map(({ path }) => path),
    ),
    state: await missingPaths(host, pathsOf(plan.state)),
    forgotten: ownState(pathsOf(plan.state)).filter((path) => !recorded.includes(path)),
    emptied: await missingPaths(host, pathsOf(plan.sources)),
  };
  await writeIntent(host.layout, intent);
  try {
    await stage(host, plan, tree);
    if (autoUpdate) await changeSettings(host.layout, plan.name, { autoUpdate });
    const { layout } = host;
    await activate(host, { to: await readInfo(layout.deployment(plan.name, plan.deployment)) });
    host.checkInterrupted();
    if (plan.start && !host.offline) await startUnit(host, plan.unit);
    await recordActivation(layout, plan.name, { deployment: plan.deployment, previous: undefined });
  } catch (error) {
    await undo(host, intent);
    throw error;
  }
  await removeIntent(host.layout, plan.name);
}

/** What made the install fail is what the user must see, even when undoing fails too: the journal stays then. */
async function undo(host: Host, intent: RemovalIntent): Promise<void> {
  try {
    await dismantle(host, intent);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `the install of ${intent.name} could not be undone (${reason}): run \`berth recover\``;
    host.report({ type: "warning", message });
  }
}

function pathsOf(directories: Plan["state"]): string[] {
  return directories.map(({ path }) => path);
}
