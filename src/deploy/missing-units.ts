/** Units that an order names and that the host does not have: systemd passes over them without a word. */
import type { Host } from "../host.ts";
import { type Order, unitOf } from "./order.ts";

/** A sentence for those that would be waited for, or started too. A `--before` may well name what comes later. */
export async function missingUnitNotes(
  host: Host,
  name: string,
  { after, requires, wants }: Order,
): Promise<string[]> {
  const asked = [...new Set([...after, ...requires, ...wants].map(unitOf))];
  if (host.offline || asked.length === 0) return [];
  const systemd = await host.systemd();
  const states = await Promise.all(asked.map(async (unit) => (await systemd.unit(unit)).loadState));
  const missing = asked.filter((_, at) => states[at] === "not-found");
  return missing.length === 0
    ? []
    : [`${name} is ordered to ${missing.join(", ")}, which this host does not have: nothing is waited for`];
}
