/** The order and dependencies an admin asks for, as directives of a unit. Pure. */
import { Failure } from "../errors.ts";
import type { Directive } from "../runtime/runtime.ts";
import { isUnitName } from "../unit/unit-name.ts";

/** Names of containers or of units; a name without a unit's ending is a service. */
export interface Order {
  /** Start after these, and pull them in. */
  after: readonly string[];
  before: readonly string[];
  /** Start only with these, after them: stopped and restarted when they are. */
  requires: readonly string[];
  /** Pull these in, in no order. */
  wants: readonly string[];
}

/**
 * `After=` comes with `Wants=`: an order that holds for a unit nobody starts helps nobody, and a service that only wants
 * another survives its restart. `Requires=` comes with `After=`, without which it is a race.
 */
export function orderDirectives(order: Order): Directive[] {
  const line = (key: string, ...lists: (readonly string[])[]): Directive[] => {
    const units = [...new Set(lists.flat().map(unitOf))];
    return units.length > 0 ? [[key, units.join(" ")]] : [];
  };
  return [
    ...line(
      "Wants",
      order.after.filter((unit) => !order.requires.includes(unit)),
      order.wants,
    ),
    ...line("Requires", order.requires),
    ...line("After", order.after, order.requires),
    ...line("Before", order.before),
  ];
}

/**
 * The unit that a name means: `etcd` is etcd.service.
 * @throws Failure NAME_INVALID when it can be neither.
 */
export function unitOf(name: string): string {
  const unit = /\.(service|socket|target|timer|mount|slice|scope|path|device|swap|automount)$/.test(name)
    ? name
    : `${name}.service`;
  if (!isUnitName(unit)) throw new Failure("NAME_INVALID", `${JSON.stringify(name)} names no unit`);
  return unit;
}
