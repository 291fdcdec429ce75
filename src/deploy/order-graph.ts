/** The graph of which unit starts after which, and the circles in it. Pure. */
import { getAllValues, getValue, type UnitFile } from "../unit/unit-file.ts";

/** A unit, and those that it starts after. */
export type OrderGraph = ReadonlyMap<string, ReadonlySet<string>>;

/** The order that a unit's own files ask for. */
export interface UnitOrder {
  unit: string;
  after: string[];
  before: string[];
  /** Units that pull it in: WantedBy=, RequiredBy=, UpheldBy=. A target among them starts after it. */
  wantedBy: string[];
  /** Whether it has the order that every service has: after basic.target, before shutdown.target. */
  defaultDependencies: boolean;
}

/** From the text of a unit and of its drop-ins, in their order. */
export function orderOf(unit: string, files: readonly UnitFile[]): UnitOrder {
  const file = { sections: files.flatMap(({ sections }) => sections) };
  const units = (section: string, key: string): string[] =>
    getAllValues(file, { section, key }).flatMap((value) =>
      value.split(/[ \t]+/).filter((word) => word !== ""),
    );
  return {
    unit,
    after: units("Unit", "After"),
    before: units("Unit", "Before"),
    wantedBy: ["WantedBy", "RequiredBy", "UpheldBy"].flatMap((key) => units("Install", key)),
    defaultDependencies: !isNo(getValue(file, { section: "Unit", key: "DefaultDependencies" })),
  };
}

/**
 * The graph with `order` in it, as systemd adds it: Before= is the other's After=, and a target starts after what it wants,
 * unless that starts after the target. `previous` is what the unit asked for until now, and no longer does.
 */
export function withOrder(
  graph: OrderGraph,
  order: UnitOrder,
  { orderedTargets, previous }: { orderedTargets: ReadonlySet<string>; previous?: UnitOrder | undefined },
): OrderGraph {
  const { unit } = order;
  const result = new Map([...graph].map(([name, after]) => [name, new Set(after)]));
  const add = (name: string, after: string): void => {
    if (name !== after) result.set(name, (result.get(name) ?? new Set()).add(after));
  };
  if (previous !== undefined) {
    for (const name of [...previous.before, ...previous.wantedBy]) result.get(name)?.delete(unit);
    result.set(unit, new Set([...(graph.get(unit) ?? [])].filter((name) => !previous.after.includes(name))));
  }
  for (const name of order.after) add(unit, name);
  for (const name of order.before) add(name, unit);
  for (const name of order.wantedBy) {
    if (orderedTargets.has(name) && !order.after.includes(name)) add(name, unit);
  }
  if (order.defaultDependencies) {
    for (const name of ["sysinit.target", "basic.target"]) add(unit, name);
    add("shutdown.target", unit);
  }
  return result;
}

/** The shortest circle through `unit`: each starts after the next, and the last is the first. */
export function findCycle(graph: OrderGraph, unit: string): string[] | undefined {
  const successors = new Map<string, string>();
  const queue = [unit];
  for (const name of queue) {
    for (const next of graph.get(name) ?? []) {
      if (next === unit) return [...pathTo(name, { successors, unit }), unit];
      if (successors.has(next)) continue;
      successors.set(next, name);
      queue.push(next);
    }
  }
  return undefined;
}

/**
 * `names` so that each comes after those it starts after, also through units between them; where the graph does not
 * decide, and within a circle, as given.
 */
export function sortByOrder(graph: OrderGraph, names: readonly string[]): string[] {
  const sorted: string[] = [];
  const visit = (name: string, seen: Set<string>): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const before of names) {
      if (before !== name && !sorted.includes(before) && isAfter(graph, name, before)) visit(before, seen);
    }
    if (!sorted.includes(name)) sorted.push(name);
  };
  for (const name of names) visit(name, new Set());
  return sorted;
}

/** Whether `unit` starts after `other`, directly or through others. */
export function isAfter(graph: OrderGraph, unit: string, other: string): boolean {
  const seen = new Set([unit]);
  for (const name of seen) {
    for (const next of graph.get(name) ?? []) {
      if (next === other) return true;
      seen.add(next);
    }
  }
  return false;
}

function pathTo(
  name: string,
  { successors, unit }: { successors: Map<string, string>; unit: string },
): string[] {
  const path = [name];
  for (let at = name; at !== unit; path.unshift(at)) at = successors.get(at) ?? unit;
  return path;
}

/** A false boolean, as systemd reads one. */
function isNo(value: string | undefined): boolean {
  return value !== undefined && /^(0|no|n|false|f|off)$/i.test(value);
}
