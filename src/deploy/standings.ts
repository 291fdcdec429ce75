/** The deployments of a container over time: which is current, which was before, which are kept. */
import { readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Layout } from "../store/layout.ts";
import { removeDurably, syncDirectory, writeDurably } from "../sys/durable.ts";
import { readAllMounts } from "../sys/mount-points.ts";
import { currentDeployment, deploymentsOf } from "./containers.ts";
import { removeUnmounted, unmountBelow } from "./unmount.ts";

/** Written into a deployment each time it has become current for good: a failed update leaves none. */
export interface Activation {
  /** ISO 8601, UTC. */
  at: string;
  /** What was current before; undefined for an install. */
  previous: number | undefined;
}

const ACTIVATION = "activated";
const PIN = "pinned";

export async function recordActivation(
  layout: Layout,
  name: string,
  { deployment, previous }: { deployment: number; previous: number | undefined },
): Promise<void> {
  await restoreActivation(layout, name, { deployment, to: { at: new Date().toISOString(), previous } });
}

/** Undoes recordActivation(): `to` is what was on record before. */
export async function restoreActivation(
  layout: Layout,
  name: string,
  { deployment, to }: { deployment: number; to: Activation | undefined },
): Promise<void> {
  const path = join(layout.deployment(name, deployment), ACTIVATION);
  if (to === undefined) await removeDurably(path);
  else await writeDurably(path, `${JSON.stringify(to)}\n`, { mode: 0o600 });
}

/** Undefined for a deployment that was staged and never became current. */
export async function readActivation(
  layout: Layout,
  name: string,
  number: number,
): Promise<Activation | undefined> {
  try {
    return JSON.parse(
      await readFile(join(layout.deployment(name, number), ACTIVATION), "utf8"),
    ) as Activation;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** What was current before the present one and is still there; another deployment may have its number since. */
export async function previousDeployment(layout: Layout, name: string): Promise<number | undefined> {
  const current = await currentDeployment(layout, name);
  if (current === undefined) return undefined;
  const previous = (await readActivation(layout, name, current))?.previous;
  if (previous === undefined) return undefined;
  if (!(await deploymentsOf(layout, name)).includes(previous)) return undefined;
  return (await readActivation(layout, name, previous)) === undefined ? undefined : previous;
}

export async function setPinned(
  layout: Layout,
  name: string,
  { number, pinned }: { number: number; pinned: boolean },
): Promise<void> {
  const path = join(layout.deployment(name, number), PIN);
  if (pinned) await writeDurably(path, "", { mode: 0o600 });
  else await removeDurably(path);
}

export async function isPinned(layout: Layout, name: string, number: number): Promise<boolean> {
  return (await readdir(layout.deployment(name, number))).includes(PIN);
}

/** A deployment as far as its place in the order counts. */
export interface Standing {
  number: number;
  current: boolean;
  previous: boolean;
  pinned: boolean;
  /** A process has something of it mounted: it runs, or someone looks at it. */
  used: boolean;
  /** ISO time of its last activation; empty when it never was current. */
  activated: string;
}

export async function standingsOf(layout: Layout, name: string): Promise<Standing[]> {
  const [numbers, current, previous] = await Promise.all([
    deploymentsOf(layout, name),
    currentDeployment(layout, name),
    previousDeployment(layout, name),
  ]);
  const used = usedDeployments(name, numbers);
  return Promise.all(
    numbers.map(async (number) => ({
      number,
      current: number === current,
      previous: number === previous,
      pinned: await isPinned(layout, name, number),
      used: used.has(number),
      activated: (await readActivation(layout, name, number))?.at ?? "",
    })),
  );
}

/**
 * The deployments that stay when a new one comes, of which `keep` are to be there then. Pure.
 * The current one stays whatever `keep` says, and so do those that are pinned or used; of the others the newest.
 */
export function stayingBeside(standings: readonly Standing[], keep: number): Set<number> {
  const staying = new Set(
    standings.filter(({ current, pinned, used }) => current || pinned || used).map(({ number }) => number),
  );
  const others = standings.filter(({ number }) => !staying.has(number));
  const newest = [...others].sort((a, b) => (a.activated < b.activated ? 1 : -1));
  const room = Math.max(0, keep - 1 - standings.filter(({ current }) => current).length);
  for (const { number } of newest.slice(0, room)) staying.add(number);
  return staying;
}

/** The lowest number that no staying deployment has. Pure. */
export function nextNumber(standings: readonly Standing[], keep: number): number {
  const staying = stayingBeside(standings, keep);
  let number = 0;
  while (staying.has(number)) number += 1;
  return number;
}

/** Removes what is beyond `keep`, never the current, the previous, a staged, a pinned or a used one. Returns the numbers that went. */
export async function removeSurplus(host: Host, name: string): Promise<number[]> {
  const { layout, config } = host;
  const standings = await standingsOf(layout, name);
  const fixed = standings.filter(
    ({ current, previous, pinned, used, activated }) =>
      current || previous || pinned || used || activated === "",
  );
  const others = standings
    .filter((standing) => !fixed.includes(standing))
    .sort((a, b) => (a.activated < b.activated ? 1 : -1));
  const surplus = others.slice(Math.max(0, config.keep - fixed.length));
  for (const { number } of surplus) await removeDeployment(layout, name, number);
  return surplus.map(({ number }) => number);
}

/** Renamed before it is emptied, so that no deployment is ever half there under its name. */
export async function removeDeployment(layout: Layout, name: string, number: number): Promise<void> {
  const leaving = layout.deploymentTmp(name, number);
  await removeUnmounted(leaving);
  await unmountBelow(layout.deployment(name, number));
  await rename(layout.deployment(name, number), leaving);
  await syncDirectory(layout.containers);
  await removeUnmounted(leaving);
}

/** @throws Failure NO_PREVIOUS when `name` has no deployment of that number. */
export async function requireDeployment(layout: Layout, name: string, number: number): Promise<number> {
  const numbers = await deploymentsOf(layout, name);
  if (numbers.includes(number)) return number;
  throw new Failure("NO_PREVIOUS", `${name} has no deployment ${number}`, {
    hint: `it has ${numbers.join(", ") || "none"}; see berth history ${name}`,
  });
}

/** By the mounts of every process: a container's root, or a mount made by hand. */
function usedDeployments(name: string, numbers: readonly number[]): Set<number> {
  const mounts = readAllMounts();
  const used = numbers.filter((number) => {
    const dir = `/${name}.${number}`;
    return mounts.some(({ root, path }) =>
      [root, path].some(
        (at) => at.endsWith(`${dir}/rootfs`) || at.includes(`${dir}/rootfs/`) || at.endsWith(dir),
      ),
    );
  });
  return new Set(used);
}
