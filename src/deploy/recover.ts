/** recover: finishes or undoes what interrupted commands left, for one container or for all. */
import { readdir, rename } from "node:fs/promises";
import { basename } from "node:path";
import { isErrno, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Layout } from "../store/layout.ts";
import { asidesIn, removeStaleAsides } from "../sys/durable.ts";
import { adoptedNames, finishConfirmation, readAdoption, undoAdoption } from "./adoption.ts";
import { currentDeployment, deploymentsOf, leftoversOf } from "./containers.ts";
import { dismantle } from "./dismantle.ts";
import { type Intent, interruptedNames, readIntent } from "./journal.ts";
import { lockContainer } from "./lock.ts";
import { deploymentOf } from "./name.ts";
import { recorded } from "./record.ts";
import { removeStaleScratch } from "./scratch.ts";
import { removeDeployment } from "./standings.ts";
import { switchBack } from "./switch.ts";
import { removeUnmounted, unmountBelow } from "./unmount.ts";

export interface Recovered {
  name: string;
  action: Intent["action"];
  /** `undone` for an install, an update or a rollback; `finished` for the others. */
  outcome: "undone" | "finished";
}

export interface RecoverOptions {
  /** While the system boots: no job is waited for, since jobs wait for the boot. */
  atBoot?: boolean;
}

/** What an interrupted command left of `name`. The caller holds the container's lock. */
export async function recover(
  host: Host,
  name: string,
  { atBoot = false }: RecoverOptions = {},
): Promise<Recovered | undefined> {
  const intent = await readIntent(host.layout, name);
  if (intent === undefined) await removeStaleAsides(host.layout.journal(name));
  else {
    await recorded(host, { change: "recover", name }, async (recording, begin) => {
      begin({});
      await finish(recording, intent, { atBoot });
    });
  }
  for (const path of await leftoversOf(host.layout, name)) await removeLeftover(path);
  const adoption = await readAdoption(host.layout, name);
  if (adoption?.state === "begun") await undoAdoption(host, adoption);
  if (adoption?.state === "confirmed") await finishConfirmation(host, adoption);
  if ((await currentDeployment(host.layout, name)) === undefined) await removeOrphans(host.layout, name);
  return intent && { name, action: intent.action, outcome: outcomeOf(intent) };
}

async function finish(host: Host, intent: Intent, { atBoot }: { atBoot: boolean }): Promise<void> {
  if (intent.action === "order") {
    const { finishReorder } = await import("./apply-order.ts");
    await finishReorder(host, intent);
  } else if ("from" in intent) await switchBack(host, intent, { waiting: !atBoot });
  else await dismantle(host, intent, { awaitStop: !atBoot });
}

/** Every container that a command left unfinished. @throws what kept one from it, when all others are recovered. */
export async function recoverAll(host: Host, options: RecoverOptions = {}): Promise<Recovered[]> {
  host.requireRoot("recover containers");
  const recovered: Recovered[] = [];
  const begun = await asidesIn(host.layout.journals); // commands that were killed before they changed anything
  const names = [
    ...(await interruptedNames(host.layout)),
    ...begun.map((file) => basename(file, ".json")),
    ...(await namesOfLeftovers(host.layout)),
    ...(await adoptedNames(host.layout)),
  ];
  const failed: unknown[] = [];
  for (const name of [...new Set(names)].sort()) {
    const lock = await lockContainer(host, name);
    try {
      const done = await recover(host, name, options);
      if (done !== undefined) recovered.push(done);
    } catch (error) {
      if (isFailure(error, "INTERRUPTED")) throw error;
      failed.push(error);
    } finally {
      lock.release();
    }
  }
  await removeStaleScratch(host).catch((error: unknown) => failed.push(error));
  const [first, ...others] = failed;
  for (const error of others) host.report({ type: "warning", message: String(error) });
  if (first !== undefined) throw first;
  return recovered;
}

/** Under the name of what is not whole, before it is emptied: nobody takes it for a deployment then. */
async function removeLeftover(path: string): Promise<void> {
  const leaving = path.replace(/\.old$/, ".tmp");
  await unmountBelow(path);
  if (leaving !== path) {
    await removeUnmounted(leaving);
    await rename(path, leaving);
  }
  await removeUnmounted(leaving);
}

/** Containers of which something waits to be removed, though the command on them had come to its end. */
async function namesOfLeftovers({ containers }: Layout): Promise<string[]> {
  try {
    return (await readdir(containers)).flatMap((entry) => {
      const deployment = deploymentOf(entry);
      return deployment?.staged === true ? [deployment.name] : [];
    });
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** Deployments that no link leads to are of no container. */
async function removeOrphans(layout: Layout, name: string): Promise<void> {
  for (const number of await deploymentsOf(layout, name)) await removeDeployment(layout, name, number);
}

function outcomeOf({ action }: Intent): Recovered["outcome"] {
  return action === "uninstall" || action === "order" ? "finished" : "undone";
}
