/** Which units a picture of the order shows, and what it shows of them. Pure. */
import type { UnitDetails } from "../systemd/graph.ts";
import { isAfter, type OrderGraph } from "./order-graph.ts";

export interface StartGraph {
  /** Each after those it starts after. */
  units: StartUnit[];
  /** Microseconds from the start of userspace to the end of the last boot; undefined where nothing boots. */
  bootMicroseconds: number | undefined;
}

export interface StartUnit {
  unit: string;
  /** Whether it is a container of berth. */
  container: boolean;
  /** systemd's ActiveState, `unknown` in a tree that does not run. */
  state: string;
  /** Those of the others that it starts after, without those that follow from these. */
  after: { unit: string; strength: Strength }[];
  /** Microseconds from the start of userspace; undefined for a unit that did not start in the last boot. */
  begun: number | undefined;
  active: number | undefined;
}

/** How the later unit depends on the earlier one beside its order. */
export type Strength = "after" | "wants" | "requires";

/** What every service is ordered to tells nothing of one. */
const COMMON =
  /^(sysinit|basic|shutdown|multi-user|graphical|umount|final|local-fs|paths|sockets|timers|slices|swap|getty)\.target$|^systemd-journald/;
const SHOWN = /\.(service|target|socket|timer|path)$/;

/** `wanted` and the units that these are ordered to by more than every service is; what comes before a container, all the way. */
export function relevantUnits(
  graph: OrderGraph,
  { wanted, containers }: { wanted: readonly string[]; containers: readonly string[] },
): string[] {
  const isShown = (name: string): boolean => SHOWN.test(name) && !COMMON.test(name);
  const earlier = new Set(wanted);
  for (const unit of earlier) {
    if (!wanted.includes(unit) && !containers.includes(unit)) continue;
    for (const name of graph.get(unit) ?? []) if (isShown(name)) earlier.add(name);
  }
  const later = [...graph].filter(([name, after]) => isShown(name) && wanted.some((unit) => after.has(unit)));
  return [...new Set([...earlier, ...later.map(([name]) => name)])];
}

/** Of `units`: those that each starts after, without those that follow from others of them. */
export function directlyAfter(graph: OrderGraph, units: readonly string[]): Map<string, string[]> {
  return new Map(
    units.map((unit) => {
      const earlier = units.filter((other) => other !== unit && isAfter(graph, unit, other));
      return [
        unit,
        earlier.filter(
          (other) => !earlier.some((between) => between !== other && isAfter(graph, between, other)),
        ),
      ];
    }),
  );
}

/** How `later` depends on `earlier`. */
export function strengthOf(later: UnitDetails | undefined, earlier: string): Strength {
  if (later?.requires.includes(earlier) === true) return "requires";
  return later?.wants.includes(earlier) === true ? "wants" : "after";
}

/**
 * What a unit waited for in the last boot, by the clock: of those it starts after, the one that was up last before its start
 * began, and so on; nearest first. Ends where nothing is known.
 */
export function waitedFor(
  graph: OrderGraph,
  unit: string,
  times: ReadonlyMap<string, Pick<UnitDetails, "begun" | "active">>,
): string[] {
  const chain: string[] = [];
  for (let at: string | undefined = unit; at !== undefined; ) {
    const begun: number = times.get(at)?.begun ?? 0;
    const earlier: string[] = [...(graph.get(at) ?? [])].filter((name) => {
      const active = times.get(name)?.active ?? 0;
      return active > 0 && active <= begun && !chain.includes(name) && name !== unit;
    });
    at = earlier.reduce<string | undefined>(
      (latest, name) =>
        latest === undefined || activeOf(times, name) > activeOf(times, latest) ? name : latest,
      undefined,
    );
    if (at !== undefined) chain.push(at);
  }
  return chain;
}

function activeOf(times: ReadonlyMap<string, Pick<UnitDetails, "active">>, name: string): number {
  return times.get(name)?.active ?? 0;
}
