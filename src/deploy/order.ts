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
  /** Stopped and restarted when one of these is, in no order. */
  partOf: readonly string[];
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
    ...line("PartOf", order.partOf),
    ...line("After", order.after, order.requires),
    ...line("Before", order.before),
  ];
}

/** What starts a service: its WantedBy=. */
export function wantedByOf(names: readonly string[]): string[] {
  return names.length > 0 ? names.map(unitOf) : ["multi-user.target"];
}

/** What an order implies that its words do not say, a sentence each. */
export function orderNotes(name: string, { requires, partOf }: Order): string[] {
  const list = (units: readonly string[]): string => [...new Set(units.map(unitOf))].join(", ");
  return [
    ...(requires.length > 0
      ? [
          `${name} requires ${list(requires)}: it does not start without, and a stop or restart there stops or restarts it too; --after orders without that`,
        ]
      : []),
    ...(partOf.length > 0
      ? [`${name} is part of ${list(partOf)}: a stop or restart there stops or restarts it too`]
      : []),
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
  if (!isUnitName(unit))
    throw new Failure("NAME_INVALID", `${JSON.stringify(name)} cannot be the name of a unit`, {
      hint: "give one name for each option: --after etcd --after network-online.target",
    });
  return unit;
}
