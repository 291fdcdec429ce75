/** The order of the loaded units, over D-Bus. */
import type { Systemd } from "./systemd.ts";

/** Which units each unit starts after: of a pair, systemd tells both that the one has it as After= and the other as Before=. */
export interface LoadedOrder {
  after: Map<string, string[]>;
  /** The names that were asked for, and the units they are: `dbus-org.freedesktop.timedate1` is an alias. */
  ids: Map<string, string>;
  /** Of the targets that were asked for: those that start after all they want. */
  orderedTargets: Set<string>;
}

/**
 * One call for the names and one for each unit, 32 at a time; `names` are units that may not be loaded (asking loads them).
 * What they start after is followed until every unit is known.
 */
export async function readOrder(systemd: Systemd, names: readonly string[]): Promise<LoadedOrder> {
  const after = new Map<string, string[]>();
  const loaded = await systemd.list([]);
  const ids = new Map(
    await Promise.all(names.map(async (name) => [name, await text(systemd, name, "Id")] as const)),
  );
  for (let wave = [...loaded.map(({ name }) => name), ...ids.values()]; wave.length > 0; ) {
    const unknown = [...new Set(wave)].filter((name) => !after.has(name));
    const found = await Promise.all(
      unknown.map((name) => systemd.property(name, "Unit", "After") as Promise<string[]>),
    );
    for (const [at, name] of unknown.entries()) after.set(name, found[at] ?? []);
    wave = found.flat().filter((name) => !after.has(name));
  }
  const targets = [...ids.values()].filter((id) => id.endsWith(".target"));
  const ordered = await Promise.all(
    targets.map((target) => systemd.property(target, "Unit", "DefaultDependencies")),
  );
  return { after, ids, orderedTargets: new Set(targets.filter((_, at) => ordered[at] === true)) };
}

async function text(systemd: Systemd, unit: string, property: string): Promise<string> {
  return (await systemd.property(unit, "Unit", property)) as string;
}

/** A unit's part in the last boot, and how it depends on others. */
export interface UnitDetails {
  name: string;
  activeState: string;
  requires: string[];
  wants: string[];
  partOf: string[];
  /** Microseconds of the monotonic clock: when its start began, and when it was up; 0 for never. */
  begun: number;
  active: number;
}

/** The units that each of these pulls in, its state, and when it started. */
export async function readDetails(systemd: Systemd, names: readonly string[]): Promise<UnitDetails[]> {
  return Promise.all(
    names.map(async (name) => {
      const read = <T>(property: string): Promise<T> =>
        systemd.property(name, "Unit", property) as Promise<T>;
      const [activeState, requires, bindsTo, wants, partOf, begun, active] = await Promise.all([
        read<string>("ActiveState"),
        read<string[]>("Requires"),
        read<string[]>("BindsTo"),
        read<string[]>("Wants"),
        read<string[]>("PartOf"),
        read<bigint>("InactiveExitTimestampMonotonic"),
        read<bigint>("ActiveEnterTimestampMonotonic"),
      ]);
      return {
        ...{ name, activeState, wants, partOf },
        requires: [...requires, ...bindsTo],
        begun: Number(begun),
        active: Number(active),
      };
    }),
  );
}
