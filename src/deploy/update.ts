/**
 * update: a new deployment of a container from a newer image, or with other values; staged and checked while the service
 * runs, then switched to, watched, and undone by itself when it does not stay up.
 */
import { Failure, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { isUp } from "../systemd/unit-state.ts";
import type { AcceptedImage } from "./accept.ts";
import { type Container, findContainer } from "./containers.ts";
import { imageOf, isShared } from "./deployments.ts";
import { removeIntent, type SwitchIntent, writeIntent } from "./journal.ts";
import { lockContainer } from "./lock.ts";
import { makePlan } from "./make-plan.ts";
import { originOf } from "./open-image.ts";
import { isOneWay, type Plan } from "./plan.ts";
import { findOrPull, pull } from "./pull.ts";
import { recorded, type Target } from "./record.ts";
import { recover } from "./recover.ts";
import type { InstallRequest, PullRequest } from "./request.ts";
import { changeSettings, readSettings } from "./settings.ts";
import { type FileOutcome, filesRequestOf, foreseeFiles } from "./settle-files.ts";
import { stage } from "./stage.ts";
import { nextNumber, readActivation, removeDeployment, removeSurplus, standingsOf } from "./standings.ts";
import { displace, switchBackAfter, switchDeployment } from "./switch.ts";

export interface UpdateRequest {
  set: Record<string, string>;
  unset: readonly string[];
  /** Another image than the one it has. */
  rebase?: string | undefined;
  /** Ask the registry for what the reference means now; else the store decides. */
  pull: boolean;
  watchMs: number;
  dryRun: boolean;
  /** Make the deployment and leave the service as it is. */
  stageOnly: boolean;
  /** As of an install; undefined: as it was installed. */
  keepHostFiles?: boolean | undefined;
  /** Switch to the deployment that was staged before. */
  apply: boolean;
  /** Nobody watches: what failed before, or cannot be undone, is left to the admin. */
  auto: boolean;
}

const REMOTE = "Updating a container with a remote rootfs. Only changes to config will be applied.";

/** Of an update that finds all as it is to be. */
const NOTHING = { to: undefined, plan: undefined, changed: [], oneWay: false, files: [], notes: [] };

export type Updated = Switched | { name: string; outcome: "skipped"; reason: string };

export interface Switched {
  name: string;
  /** `unchanged`: the image and the values are what they were. */
  outcome: "unchanged" | "updated" | "staged" | "planned";
  from: { deployment: number; digest: string };
  to: { deployment: number; digest: string } | undefined;
  /** Of `planned`: what would be written. */
  plan: Plan | undefined;
  /** Files of the deployment that differ from those of the current one. */
  changed: string[];
  /** The new image says that older ones cannot read the data any more, so that a rollback is not enough to go back. */
  oneWay: boolean;
  /** What became, or of `planned` would become, of the image's files on the host. */
  files: FileOutcome[];
  /** What berth changed in what the image brings, for people. */
  notes: string[];
}

/** @throws Failure UPDATE_ROLLED_BACK, NOT_INSTALLED, HOOK_FAILED, and what pull and plan throw. */
export async function update(host: Host, name: string, request: UpdateRequest): Promise<Updated> {
  host.requireRoot("update a container");
  await findContainer(host, name);
  const lock = await lockContainer(host, name);
  try {
    await recover(host, name);
    const container = await findContainer(host, name);
    if (request.dryRun) return await updateLocked(host, container, { asked: request, begin: () => {} });
    return await recorded(host, { change: "update", name }, (recording, begin) =>
      request.apply
        ? applyStaged(recording, container, { asked: request, begin })
        : updateLocked(recording, container, { asked: request, begin }),
    );
  } finally {
    lock.release();
  }
}

interface Asked {
  asked: UpdateRequest;
  /** Called when it is clear where the update leads. */
  begin(target: Target): void;
}

async function updateLocked(host: Host, container: Container, { asked, begin }: Asked): Promise<Updated> {
  const { name, info } = container;
  const request = requestOf(container, asked);
  const image = await newImage(host, container, { request, asked });
  const from = { deployment: container.deployment, digest: imageOf(info) };
  const { digest } = image.image;
  const oneWay = isOneWay(image.image.config.config);
  if (digest === from.digest && sameValues(request.values, info.berth.request.values))
    return { name, outcome: "unchanged", from, ...NOTHING };
  const reason = asked.auto ? await reasonToSkip(host, name, { digest, oneWay }) : undefined;
  if (reason !== undefined) return { name, outcome: "skipped", reason };

  const standings = await standingsOf(host.layout, name);
  const staged = standings.filter(({ activated, current }) => activated === "" && !current);
  const standing = standings.filter((each) => !staged.includes(each));
  // What is only staged must not cost the way back.
  const held = standing.map((each) => ({
    ...each,
    pinned: each.pinned || (asked.stageOnly && each.previous),
  }));
  const number = nextNumber(held, host.config.keep);
  if (request.rootfs !== undefined) host.report({ type: "warning", message: REMOTE });
  const { plan, tree } = await makePlan(host, { name, request, image, number, replaces: info });
  const to = { deployment: number, digest: plan.digest };
  const result = {
    name,
    from,
    to,
    changed: await changedFiles(container, plan),
    oneWay,
    files: plan.foreseen,
    notes: plan.notes,
  };
  if (asked.dryRun) return { ...result, outcome: "planned", plan };
  begin(to);
  for (const each of staged) await removeDeployment(host.layout, name, each.number);

  const displaced = standing.some((each) => each.number === number);
  const intent = await switchIntent(host, container, { action: "update", to: number, made: true, displaced });
  await writeIntent(host.layout, intent);
  try {
    if (displaced) await displace(host, name, number);
    await stage(host, plan, tree);
    if (!asked.stageOnly) await prepare(host, container, { digest, oneWay });
  } catch (error) {
    await switchBackAfter(error, host, { intent: { ...intent, ran: false } });
    throw error;
  }
  if (asked.stageOnly) {
    await removeIntent(host.layout, name);
    return { ...result, outcome: "staged", plan: undefined };
  }
  const files = await switchRemembering(host, intent, {
    watchMs: asked.watchMs,
    from: from.digest,
    to: digest,
  });
  await clearAway(host, name);
  return { ...result, outcome: "updated", plan: undefined, files };
}

async function applyStaged(host: Host, container: Container, { asked, begin }: Asked): Promise<Updated> {
  const { name, deployment, info } = container;
  const standings = await standingsOf(host.layout, name);
  const staged = standings.find(({ activated, current }) => activated === "" && !current);
  if (staged === undefined) {
    throw new Failure("NO_PREVIOUS", `${name} has no staged deployment to apply`, {
      hint: `make one: berth update ${name} --stage-only`,
    });
  }
  const { readInfo } = await import("./info.ts");
  const stagedInfo = await readInfo(host.layout.deployment(name, staged.number));
  const from = { deployment, digest: imageOf(info) };
  const to = { deployment: staged.number, digest: imageOf(stagedInfo) };
  const oneWay = stagedInfo.berth.oneWay ?? false;
  await foreseeFiles(host, filesRequestOf(stagedInfo));
  begin(to);
  await prepare(host, container, { digest: to.digest, oneWay });
  const intent = await switchIntent(host, container, {
    action: "update",
    to: staged.number,
    made: false,
    displaced: false,
  });
  await writeIntent(host.layout, intent);
  const digests = { from: from.digest, to: to.digest };
  const files = await switchRemembering(host, intent, { watchMs: asked.watchMs, ...digests });
  await clearAway(host, name);
  return { name, outcome: "updated", from, to, plan: undefined, changed: [], oneWay, files, notes: [] };
}

/** The last step before the service is touched: what the admin wants done and what the admin should know. */
async function prepare(
  host: Host,
  { name, info }: Container,
  { digest, oneWay }: { digest: string; oneWay: boolean },
): Promise<void> {
  if (oneWay) {
    const message = `the new image of ${name} changes its data for good (label berth.data=one-way): older versions may not read it`;
    host.report({ type: "warning", message });
  }
  const { runPreUpdate } = await import("./pre-update.ts");
  const from = imageOf(info);
  await runPreUpdate(host, { name, from, to: digest, state: info.berth.state, oneWay });
}

/** Remembers an image that the service did not stay up with, so that no timer tries it night after night. */
async function switchRemembering(
  host: Host,
  intent: SwitchIntent,
  { watchMs, from, to }: { watchMs: number; from: string; to: string },
): Promise<FileOutcome[]> {
  let files: FileOutcome[];
  try {
    files = await switchDeployment(host, intent, { watchMs });
  } catch (error) {
    // With other values of the same image, it is the values that failed.
    if (isFailure(error, "UPDATE_ROLLED_BACK") && from !== to)
      await changeSettings(host.layout, intent.name, { failed: to });
    throw error;
  }
  await changeSettings(host.layout, intent.name, { failed: undefined });
  return files;
}

async function reasonToSkip(
  { layout }: Host,
  name: string,
  { digest, oneWay }: { digest: string; oneWay: boolean },
): Promise<string | undefined> {
  if ((await readSettings(layout, name)).failed === digest)
    return `it went back from this image before; berth update ${name} tries it again`;
  return oneWay ? `its new image changes the data for good; berth update ${name} takes it` : undefined;
}

/** What rollback and update write into the journal before they touch anything. */
export async function switchIntent(
  host: Host,
  { name, unit, deployment }: Container,
  more: Pick<SwitchIntent, "action" | "to" | "made" | "displaced">,
): Promise<SwitchIntent> {
  const ran = !host.offline && isUp((await (await host.systemd()).unit(unit)).activeState);
  const activated = more.made ? undefined : await readActivation(host.layout, name, more.to);
  const intent: SwitchIntent = { schema: 1, name, from: deployment, ran, ...more };
  return activated === undefined ? intent : { ...intent, activated };
}

/** After a switch for good: what waited for the way back, and what is beyond the number to keep. */
export async function clearAway(host: Host, name: string): Promise<void> {
  await recover(host, name);
  await removeSurplus(host, name);
}

function requestOf(
  { info }: Container,
  { set, unset, rebase, keepHostFiles }: UpdateRequest,
): InstallRequest {
  const { request } = info.berth;
  const values = { ...request.values, ...set };
  for (const name of unset) delete values[name];
  return {
    ...{ ...request, image: rebase ?? request.image, values },
    ...(keepHostFiles === undefined ? {} : { keepHostFiles }),
  };
}

/** By the image's full name, which a short name as typed may mean no longer. */
async function newImage(
  host: Host,
  { info }: Container,
  { request, asked }: { request: InstallRequest; asked: UpdateRequest },
): Promise<AcceptedImage> {
  const wanted: PullRequest = { ...request, image: asked.rebase ?? info.image };
  // What runs in another store's checkout is updated there.
  const isPulled = asked.pull && (!isShared(info) || asked.rebase !== undefined);
  if (!isPulled) return findOrPull(host, wanted);
  if (asked.rebase !== undefined) return pull(host, wanted);
  return pull(host, { ...wanted, image: await originOf(host, info.image), as: info.image });
}

function sameValues(a: Record<string, string>, b: Record<string, string>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

async function changedFiles({ dir }: Container, plan: Plan): Promise<string[]> {
  const { readFile } = await import("node:fs/promises");
  const changed: string[] = [];
  for (const { name, text } of plan.files) {
    if (name === "info") continue;
    const before = await readFile(`${dir}/${name}`, "utf8").catch(() => undefined);
    // Of an image's template people know the path on the host.
    const shown = plan.installed.find((file) => file.type === "file" && file.source === name)?.path ?? name;
    if (before !== text) changed.push(shown);
  }
  return changed;
}
