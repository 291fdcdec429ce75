/** graph: the order in which containers start, and when they did at the last boot. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { UnitDetails } from "../systemd/graph.ts";
import { containerNames, findContainer } from "./containers.ts";
import { type OrderGraph, sortByOrder } from "./order-graph.ts";
import {
  directlyAfter,
  relevantUnits,
  type StartGraph,
  type StartUnit,
  strengthOf,
  waitedFor,
} from "./start-graph.ts";

/** Of these containers, or of all. @throws Failure NOT_INSTALLED */
export async function startGraph(host: Host, names: readonly string[]): Promise<StartGraph> {
  for (const name of names) await findContainer(host, name);
  const containers = (await containerNames(host.layout)).map((name) => `${name}.service`);
  const wanted = names.length > 0 ? names.map((name) => `${name}.service`) : containers;
  if (host.offline) return offlineGraph(host, { containers, wanted });
  const { readDetails } = await import("../systemd/graph.ts");
  const systemd = await host.systemd();
  const graph = await graphOfContainers(host, wanted);
  const shown = sortByOrder(graph, relevantUnits(graph, { wanted, containers }));
  const details = new Map((await readDetails(systemd, shown)).map((unit) => [unit.name, unit]));
  return graphResult(graph, shown, { containers, details, boot: await systemd.bootTimes() });
}

/** The units of startGraph(), and what each of the containers had to wait for since the start of userspace. */
export async function bootTimeline(host: Host, names: readonly string[]): Promise<StartGraph> {
  if (host.offline) {
    throw new Failure(
      "USAGE",
      "a picture of the last boot needs a running system; --root names a tree that does not run",
    );
  }
  for (const name of names) await findContainer(host, name);
  const containers = (await containerNames(host.layout)).map((name) => `${name}.service`);
  const wanted = names.length > 0 ? names.map((name) => `${name}.service`) : containers;
  const { readDetails } = await import("../systemd/graph.ts");
  const systemd = await host.systemd();
  const graph = await graphOfContainers(host, wanted);
  const relevant = relevantUnits(graph, { wanted, containers });
  const all = await readDetails(systemd, [...graph.keys()]);
  const details = new Map(all.map((unit) => [unit.name, unit]));
  const chains = relevant.flatMap((unit) => waitedFor(graph, unit, details));
  const shown = sortByOrder(graph, [...new Set([...chains.reverse(), ...relevant])]);
  return graphResult(graph, shown, { containers, details, boot: await systemd.bootTimes() });
}

/** The graph that these units are in. */
export async function graphOfContainers(host: Host, units: readonly string[]): Promise<OrderGraph> {
  const { readOrder } = await import("../systemd/graph.ts");
  return graphOf((await readOrder(await host.systemd(), units)).after);
}

async function offlineGraph(
  { config }: Host,
  { containers, wanted }: { containers: string[]; wanted: string[] },
): Promise<StartGraph> {
  const { readOfflineOrder } = await import("../systemd/offline-graph.ts");
  const graph = graphOf((await readOfflineOrder(config.root, config.unitDirectory)).after);
  const shown = sortByOrder(graph, relevantUnits(graph, { wanted, containers }));
  return graphResult(graph, shown, { containers, details: new Map(), boot: undefined });
}

function graphResult(
  graph: OrderGraph,
  shown: readonly string[],
  {
    containers,
    details,
    boot,
  }: {
    containers: readonly string[];
    details: ReadonlyMap<string, UnitDetails>;
    boot: { userspace: number; finished: number } | undefined;
  },
): StartGraph {
  const after = directlyAfter(graph, shown);
  /** A unit that was started later tells nothing of the boot; one that began in it may have taken longer. */
  const sinceBoot = (known: UnitDetails | undefined): Pick<StartUnit, "begun" | "active"> => {
    if (boot === undefined || known === undefined) return { begun: undefined, active: undefined };
    const { begun, active } = known;
    const isBoot = begun >= boot.userspace && begun <= boot.finished && active >= begun;
    return isBoot
      ? { begun: begun - boot.userspace, active: active - boot.userspace }
      : { begun: undefined, active: undefined };
  };
  return {
    units: shown.map((unit) => {
      const known = details.get(unit);
      return {
        unit,
        container: containers.includes(unit),
        state: known?.activeState ?? "unknown",
        after: (after.get(unit) ?? []).map((other) => ({ unit: other, strength: strengthOf(known, other) })),
        ...sinceBoot(known),
      };
    }),
    bootMicroseconds: boot && boot.finished - boot.userspace,
  };
}

function graphOf(after: ReadonlyMap<string, readonly string[]>): OrderGraph {
  return new Map([...after].map(([name, others]) => [name, new Set(others)]));
}
