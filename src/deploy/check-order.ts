/** Whether the order that a unit asks for can be kept: checked before anything of it is on the host. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import { parseUnit } from "../unit/unit-file.ts";
import { findCycle, orderOf, type UnitOrder, withOrder } from "./order-graph.ts";

/** The unit's file and its drop-in, as they will be. */
export interface OrderFiles {
  unit: string;
  unitText: string;
  dropInText: string;
}

export function orderFilesOf(unit: string, files: readonly { name: string; text: string }[]): OrderFiles {
  const text = (name: string): string => files.find((file) => file.name === name)?.text ?? "";
  return { unit, unitText: text(unit), dropInText: text("10-berth.conf") };
}

/**
 * @throws Failure ORDER_CYCLE with the circle. systemd would not refuse: at the next boot it would leave out one of the
 *   circle's units, whichever, and say so only in the kernel's log.
 */
export async function refuseCycle(host: Host, files: OrderFiles, previous?: OrderFiles): Promise<void> {
  refuseItself(files);
  const asked = readOrderOf(files);
  if (previous === undefined && !(await isOrdered(host, asked))) return;
  const cycle = (await cycleInGraph(host, asked, previous)) ?? (await cycleBySystemd(host, files, asked));
  if (cycle === undefined) return;
  const steps = cycle.slice(1).map((unit, at) => `${cycle[at]} after ${unit}`);
  throw new Failure("ORDER_CYCLE", `${files.unit} cannot be put in this order: ${steps.join(", ")}`, {
    hint: hintFor(cycle, asked),
  });
}

/** systemd drops what orders a unit to itself with a warning; in an image's own unit that does no harm, here it is a slip. */
function refuseItself({ unit, dropInText }: OrderFiles): void {
  const { after, before } = orderOf(unit, [parseUnit(dropInText)]);
  if (![...after, ...before].includes(unit)) return;
  throw new Failure("ORDER_CYCLE", `${unit} cannot start before or after itself`, {
    hint: `leave it out: --after, --before and --requires name other units`,
  });
}

/** Whether the unit has any order but that of every service: its own, or one that other units gave it before it was there. */
async function isOrdered(host: Host, { unit, after, before, wantedBy }: UnitOrder): Promise<boolean> {
  if (after.length + before.length > 0 || wantedBy.some((name) => name !== "multi-user.target")) return true;
  if (host.offline) return true;
  const systemd = await host.systemd();
  const named = await Promise.all(
    ["After", "Before"].map((property) => systemd.property(unit, "Unit", property) as Promise<string[]>),
  );
  return named.flat().length > 0;
}

async function cycleInGraph(
  host: Host,
  asked: UnitOrder,
  previous: OrderFiles | undefined,
): Promise<string[] | undefined> {
  const loaded = host.offline ? await readOffline(host) : await readOnline(host, asked);
  const real = (names: string[]): string[] => names.map((name) => loaded.ids.get(name) ?? name);
  const order = {
    ...asked,
    after: real(asked.after),
    before: real(asked.before),
    wantedBy: real(asked.wantedBy),
  };
  const graph = withOrder(new Map([...loaded.after].map(([name, after]) => [name, new Set(after)])), order, {
    orderedTargets: loaded.orderedTargets,
    previous: previous && readOrderOf(previous),
  });
  return findCycle(graph, asked.unit);
}

async function readOnline(host: Host, { after, before, wantedBy }: UnitOrder) {
  const { readOrder } = await import("../systemd/graph.ts");
  return readOrder(await host.systemd(), [...new Set([...after, ...before, ...wantedBy])]);
}

async function readOffline({ config }: Host) {
  const { readOfflineOrder } = await import("../systemd/offline-graph.ts");
  return readOfflineOrder(config.root, config.unitDirectory);
}

async function cycleBySystemd(
  host: Host,
  { unit, unitText, dropInText }: OrderFiles,
  { wantedBy }: UnitOrder,
): Promise<string[] | undefined> {
  if (host.offline) return undefined;
  const { verifyOrder } = await import("../systemd/verify-order.ts");
  const files = new Map([
    [unit, unitText],
    [`${unit}.d/10-berth.conf`, dropInText],
  ]);
  return verifyOrder(unit, { files, wantedBy });
}

function readOrderOf({ unit, unitText, dropInText }: OrderFiles): UnitOrder {
  return orderOf(unit, [parseUnit(unitText), parseUnit(dropInText)]);
}

/** The two ends of the circle that are the unit's own. */
function hintFor(cycle: readonly string[], { after, before, wantedBy }: UnitOrder): string {
  const [, next = ""] = cycle;
  const last = cycle.at(-2) ?? "";
  const ends = [
    ...(after.includes(next) ? [`--after ${next}`] : []),
    ...(before.includes(last) ? [`--before ${last}`] : []),
    ...(!before.includes(last) && wantedBy.includes(last) ? [`--wanted-by ${last}`] : []),
  ];
  const undo = ends.length > 0 ? `leave out ${ends.join(" or ")}; ` : "";
  return `${undo}at boot systemd would silently leave out one of these units`;
}
