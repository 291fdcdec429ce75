/**
 * adopt: what Project Atomic installed becomes berth's, while it runs: its checkouts are put into the store, its units lead to
 * them from the next start on. Until it is confirmed, Atomic's own files stay and everything can be undone.
 */
import { join, resolve } from "node:path";
import { Failure, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { lockFile } from "../store/locks.ts";
import { textIfThere } from "../sys/if-there.ts";
import { isUp } from "../systemd/unit-state.ts";
import { activate } from "./activate.ts";
import { trackAdopted } from "./adopted-files.ts";
import {
  type Adoption,
  adoptedNames,
  checkoutsOf,
  finishConfirmation,
  isSeen,
  readAdoption,
  undoAdoption,
  writeAdoption,
} from "./adoption.ts";
import { type AtomicContainer, atomicNames, readAtomic } from "./atomic-layout.ts";
import { containerNames } from "./containers.ts";
import { isEnabled } from "./enablement.ts";
import { readInfo } from "./info.ts";
import { lockContainer, lockName } from "./lock.ts";
import { checkName, excludedBy } from "./name.ts";
import { seenFrom } from "./paths.ts";
import { recover } from "./recover.ts";
import { placesOf, stageAdopted } from "./stage-adopted.ts";
import { restoreActivation } from "./standings.ts";

/** Where Atomic keeps its checkouts by default. */
export const ATOMIC_CHECKOUTS = "/var/lib/containers/atomic";

export interface Adopted {
  name: string;
  outcome: "adopted" | "planned" | "undone" | "confirmed" | "skipped";
  image?: string;
  /** The numbers of its deployments, and which is current. */
  deployments?: number[];
  current?: number;
  /** The service goes on from Atomic's files until it is restarted. */
  running?: boolean;
  /** Of `skipped`. */
  reason?: string;
}

export interface AdoptRequest {
  /** None: all. */
  names: readonly string[];
  /** Atomic's directory of checkouts. */
  from: string;
  dryRun: boolean;
}

/** One that cannot be adopted is skipped and stays Atomic's, except where it is the only one named: then it is the failure. */
export async function adopt(host: Host, { names, from, dryRun }: AdoptRequest): Promise<Adopted[]> {
  host.requireRoot("adopt containers");
  const checkouts = join(host.config.root, resolve(from));
  const all = names.length > 0 ? names : await atomicNames(checkouts);
  const adopted: Adopted[] = [];
  for (const name of all) {
    try {
      adopted.push(await adoptOne(host, name, { checkouts, dryRun }));
    } catch (error) {
      if (!isFailure(error) || error.code === "INTERRUPTED" || names.length === 1) throw error;
      adopted.push({ name, outcome: "skipped", reason: error.message });
    }
  }
  return adopted;
}

/** Of all adoptions that are not confirmed, or those named. */
export async function undoAdoptions(host: Host, names: readonly string[]): Promise<Adopted[]> {
  return forAdoptions(host, names, async (adoption) => {
    const { name, state } = adoption;
    if (state === "confirmed") {
      throw new Failure(
        "CONFIG_INVALID",
        `the adoption of ${name} is confirmed: not all that Atomic had is there`,
        {
          hint: "berth recover removes the rest",
        },
      );
    }
    await undoAdoption(host, adoption);
    return { name, outcome: "undone" };
  });
}

/** Removes what Atomic had: from here on there is no way back to it. @throws Failure BUSY while a service still runs from there */
export async function confirmAdoptions(host: Host, names: readonly string[]): Promise<Adopted[]> {
  return forAdoptions(host, names, async (adoption) => {
    const { name } = adoption;
    const busy = checkoutsOf(host, adoption).find(isSeen);
    if (busy !== undefined) {
      throw new Failure("BUSY", `${name} still runs from ${busy}`, {
        hint: `berth restart ${name}, then confirm`,
      });
    }
    await finishConfirmation(host, adoption);
    return { name, outcome: "confirmed" };
  });
}

async function forAdoptions(
  host: Host,
  names: readonly string[],
  use: (adoption: Adoption) => Promise<Adopted>,
): Promise<Adopted[]> {
  host.requireRoot("adopt containers");
  const done: Adopted[] = [];
  for (const name of names.length > 0 ? names : await adoptedNames(host.layout)) {
    const lock = await lockContainer(host, name);
    try {
      const adoption = await readAdoption(host.layout, name);
      if (adoption === undefined) {
        throw new Failure("NOT_INSTALLED", `no adoption of ${JSON.stringify(name)} waits for a word`, {
          hint: "berth adopt --dry-run lists what Atomic has",
        });
      }
      done.push(await use(adoption));
    } finally {
      lock.release();
    }
  }
  return done;
}

async function adoptOne(
  host: Host,
  name: string,
  { checkouts, dryRun }: { checkouts: string; dryRun: boolean },
): Promise<Adopted> {
  checkName(name);
  const lock = dryRun ? undefined : await lockName(host, name);
  try {
    if (!dryRun) await recover(host, name);
    const container = await readAtomic(checkouts, name);
    await refuse(host, container);
    const adoption = await describe(host, container, checkouts);
    const { current, deployments } = container;
    const image = deployments.find(({ number }) => number === current)?.image ?? name;
    const numbers = deployments.map(({ number }) => number);
    const shown = { name, image, deployments: numbers, current, running: adoption.running };
    if (dryRun) return { ...shown, outcome: "planned" };
    await writeAdoption(host.layout, adoption);
    try {
      await take(host, container, adoption);
    } catch (error) {
      await undoAdoption(host, adoption);
      throw error;
    }
    await writeAdoption(host.layout, { ...adoption, state: "adopted" });
    return { ...shown, outcome: "adopted" };
  } finally {
    lock?.release();
  }
}

async function refuse(host: Host, { name, current, deployments }: AtomicContainer): Promise<void> {
  const names = await containerNames(host.layout);
  const adoption = await readAdoption(host.layout, name);
  if (names.includes(name) || adoption !== undefined) {
    throw new Failure("NAME_TAKEN", `berth has a container ${name} already`, {
      hint: adoption === undefined ? "uninstall one of the two" : "it is adopted: --confirm or --undo",
    });
  }
  const other = excludedBy(name, names);
  if (other !== undefined)
    throw new Failure("NAME_TAKEN", `${name} cannot stand beside the container ${other}`);
  const now = deployments.find(({ number }) => number === current);
  if (now?.hasService === false) {
    throw new Failure(
      "CONFIG_INVALID",
      `${name} has no service to take over: it only put files on the host`,
      {
        hint: "install its image with berth, then remove Atomic's",
      },
    );
  }
}

/** How the host is now. */
async function describe(host: Host, { name, current }: AtomicContainer, from: string): Promise<Adoption> {
  const { config } = host;
  const unit = `${name}.service`;
  const places = placesOf(host, name);
  const files = await Promise.all(
    Object.values(places).map(async (path) => ({
      path,
      text: (await textIfThere(join(config.root, path))) ?? null,
      mode: 0o644,
    })),
  );
  if (files.find(({ path }) => path === places.unit)?.text === null) {
    throw new Failure("CONFIG_INVALID", `${name} has no unit: ${places.unit} is not there`, {
      hint: `Atomic's own copy of it is ${join(from, `${name}.${current}`, unit)}`,
    });
  }
  const running = !host.offline && isUp((await (await host.systemd()).unit(unit)).activeState);
  return {
    schema: 1,
    name,
    from: seenFrom(config.root, from),
    current,
    state: "begun",
    enabled: await isEnabled(host, unit),
    running,
    files,
  };
}

async function take(host: Host, container: AtomicContainer, adoption: Adoption): Promise<void> {
  const { layout, report, signal } = host;
  const { name, current, deployments } = container;
  await host.writableStore();
  // No prune meanwhile: an image that only a deployment needs has none yet.
  using _ = await lockFile(layout.lock, { mode: "shared", report, signal });
  for (const deployment of deployments) {
    await stageAdopted(host, deployment, { name, adoption, isCurrent: deployment.number === current });
    host.checkInterrupted();
  }
  const other = deployments.find(({ number }) => number !== current);
  const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
  if (other !== undefined) {
    const to = { at: at(other.created), previous: undefined };
    await restoreActivation(layout, name, { deployment: other.number, to });
  }
  const to = { at: new Date().toISOString(), previous: other?.number };
  await restoreActivation(layout, name, { deployment: current, to });
  const info = await readInfo(layout.deployment(name, current));
  await trackAdopted(host, name, info.berth.installed ?? []);
  await activate(host, { to: info });
}
