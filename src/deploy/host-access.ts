/**
 * What an image in the /exports format asks of the host beside running in its own file system. It is as powerful as a package of
 * the host: berth lists it, and an admin can refuse it (`host_access` in berth.toml). Pure.
 */
import { Failure } from "../errors.ts";
import type { RuntimeConfig } from "../oci/runtime-config.ts";
import { isBind } from "../runtime/mounts.ts";
import { parseUnit } from "../unit/unit-file.ts";
import { ownCommands } from "./exports-unit.ts";

export interface HostAccess {
  /**
   * `file`: a file of the host's; `tmpfiles`: a line of tmpfiles.d(5); `command`: a line of its unit that systemd runs on the
   * host; `bind`: a path of the host's that it can write to; `capability`: one that berth would not give of itself.
   */
  kind: "file" | "tmpfiles" | "command" | "bind" | "capability";
  /** The path, the line, the name. A value that was set stands as its `$NAME`. */
  what: string;
}

export interface HostAccessSource {
  /** Rendered, with `$NAME` for each value that was set. */
  unitText: string | undefined;
  tmpfilesText: string | undefined;
  /** The unit's line that starts the container. */
  execStart: string;
  /** The configuration that the image brings. */
  config: RuntimeConfig | undefined;
  /** Capabilities that any image gets. */
  usual: readonly string[];
}

export function hostAccessOf(source: HostAccessSource): HostAccess[] {
  const { unitText, tmpfilesText, execStart, config, usual } = source;
  const commands = unitText === undefined ? [] : ownCommands({ unit: parseUnit(unitText) }, execStart);
  return [
    ...(tmpfilesText ?? "").split("\n").flatMap((line): HostAccess[] => {
      const what = line.trim();
      return what === "" || what.startsWith("#") ? [] : [{ kind: "tmpfiles", what }];
    }),
    ...commands.map(({ key, value }): HostAccess => ({ kind: "command", what: `${key}=${value}` })),
    ...(config === undefined ? [] : configAccess(config, usual)),
  ];
}

function configAccess({ mounts, process }: RuntimeConfig, usual: readonly string[]): HostAccess[] {
  const sets = Object.values(process.capabilities ?? {}) as (string[] | null | undefined)[];
  const capabilities = new Set(sets.flatMap((names) => names ?? []).filter((name) => !usual.includes(name)));
  const writable = mounts.filter((mount) => isBind(mount) && mount.options?.includes("ro") !== true);
  return [
    ...writable.map(({ source = "", destination }): HostAccess => {
      return { kind: "bind", what: source === destination ? source : `${source} at ${destination}` };
    }),
    ...[...capabilities].map((what): HostAccess => ({ kind: "capability", what })),
  ];
}

/** @throws Failure POLICY_REJECTED when the host's admin refuses any of it. */
export function refuseHostAccess(
  asked: readonly HostAccess[],
  { image, allowed }: { image: string; allowed: "allow" | "refuse" },
): void {
  if (allowed === "allow" || asked.length === 0) return;
  throw new Failure("POLICY_REJECTED", `${image} asks for more of this host than berth.toml allows`, {
    cause: new Error(hostAccessLines(asked).join("\n")),
    hint: 'host_access = "refuse" in berth.toml refuses it; `berth inspect` lists what an image asks for',
  });
}

const WORDS: Record<HostAccess["kind"], string> = {
  file: "host file",
  tmpfiles: "tmpfiles line",
  command: "command on the host",
  bind: "writable bind",
  capability: "capabilities",
};

/** For people: a line each, the capabilities in one. */
export function hostAccessLines(asked: readonly HostAccess[]): string[] {
  const names = asked.filter(({ kind }) => kind === "capability").map(({ what }) => what);
  const others = asked.filter(({ kind }) => kind !== "capability");
  return [
    ...others.map(({ kind, what }) => `${WORDS[kind]}: ${what}`),
    ...(names.length > 0 ? [`${WORDS.capability}: ${names.join(" ")}`] : []),
  ];
}
