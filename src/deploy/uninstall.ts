/** uninstall: stop, disable, remove. State directories stay unless they are purged. */
import { lstat } from "node:fs/promises";
import { isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { sysusersFile } from "./accounts.ts";
import { containerNames, findContainer } from "./containers.ts";
import { allDeployments, imageOf } from "./deployments.ts";
import { dismantle } from "./dismantle.ts";
import { adminDropIns } from "./drop-ins.ts";
import { type RemovalIntent, readIntent, writeIntent } from "./journal.ts";
import { lockContainer } from "./lock.ts";
import { type Order, unitOf } from "./order.ts";
import { placeInRoot } from "./paths.ts";
import { recorded } from "./record.ts";
import { recover } from "./recover.ts";
import type { FileOutcome } from "./settle-files.ts";
import { ownState } from "./volume.ts";

export interface Uninstalled {
  name: string;
  /** What stays on the host: state directories, files of the image that the admin edited, and drop-ins of the admin's. */
  kept: string[];
  /** What became of the image's files on the host. */
  files: FileOutcome[];
}

export async function uninstall(
  host: Host,
  name: string,
  { purge }: { purge: boolean },
): Promise<Uninstalled> {
  host.requireRoot("uninstall a container");
  await requireInstalled(host, name);
  const lock = await lockContainer(host, name);
  try {
    const interrupted = await readIntent(host.layout, name);
    await recover(host, name);
    // An interrupted install or uninstall leaves nothing to do; of anything else the container is there again.
    if (interrupted?.action === "install" || interrupted?.action === "uninstall")
      return { name, kept: [], files: [] };
    const { info } = await findContainer(host, name);
    const { hostFiles, state, sources } = info.berth;
    // The directory that the others lie in has the container's name alone: it may be of a package of that name.
    const own = ownState(state);
    const shared = state.filter((path) => !own.includes(path));
    // Those of an earlier deployment too: the accounts it made are why the present one needs none.
    const sysusers = [
      ...hostFiles.filter(({ file }) => file.startsWith("sysusers-")).map(({ path }) => path),
      sysusersFile(name),
    ];
    const intent: RemovalIntent = {
      schema: 1,
      action: "uninstall",
      name,
      // Accounts own the state that stays, so they go with it.
      hostFiles: [
        ...hostFiles.map(({ path }) => path).filter((path) => !sysusers.includes(path)),
        ...(purge ? new Set(sysusers) : []),
      ],
      state: purge ? own : [],
      forgotten: purge ? own : [],
      emptied: [...(await unsharedSources(host, name, sources)), ...(purge ? shared : [])],
      purge,
    };
    const files = await recorded(host, { change: "uninstall", name }, async (recording, begin) => {
      begin({ digest: imageOf(info) });
      await writeIntent(host.layout, intent);
      return dismantle(recording, intent);
    });
    const edited = files.filter(({ outcome }) => outcome === "edited").map(({ path }) => path);
    const data = purge ? [...state, ...sources] : [...new Set([...state, ...sources, ...sysusers])];
    return {
      name,
      kept: [...(await remaining(host, data)), ...edited, ...(await adminDropIns(host, `${name}.service`))],
      files,
    };
  } finally {
    lock.release();
  }
}

/** Units that require one of these containers and do not go with them, with the container: `web.service` requires `etcd`. */
export async function dependentsOf(
  host: Host,
  names: readonly string[],
): Promise<{ unit: string; name: string }[]> {
  const leaving = new Set(names.map(unitOf));
  const dependents = new Map<string, string>();
  for (const other of await containerNames(host.layout)) {
    const { requires } = await requestedOrder(host, other);
    for (const name of names)
      if (requires.map(unitOf).includes(unitOf(name))) dependents.set(unitOf(other), name);
  }
  if (!host.offline) {
    const systemd = await host.systemd();
    for (const name of names) {
      for (const property of ["RequiredBy", "BoundBy"]) {
        const units = (await systemd.property(unitOf(name), "Unit", property)) as string[];
        for (const unit of units) dependents.set(unit, name);
      }
    }
  }
  return [...dependents]
    .filter(([unit]) => !leaving.has(unit))
    .map(([unit, name]) => ({ unit, name }))
    .sort((a, b) => (a.unit < b.unit ? -1 : 1));
}

/** One whose record cannot be read asks for nothing that anybody knows of. */
async function requestedOrder(host: Host, name: string): Promise<Pick<Order, "requires">> {
  try {
    return (await findContainer(host, name)).info.berth.request.order;
  } catch (error) {
    if (isFailure(error, "STORE_CORRUPT") || isFailure(error, "NOT_INSTALLED")) return { requires: [] };
    throw error;
  }
}

/** Later ones go first, so that none loses what it needs while it runs. */
export async function uninstallOrder(host: Host, names: readonly string[]): Promise<string[]> {
  const unique = [...new Set(names)];
  if (unique.length < 2 || host.offline) return unique;
  const { graphOfContainers } = await import("./graph.ts");
  const { sortByOrder } = await import("./order-graph.ts");
  const units = unique.map((name) => `${name}.service`);
  const sorted = sortByOrder(await graphOfContainers(host, units), units).reverse();
  return sorted.map((unit) => unit.slice(0, -".service".length));
}

/** Those that no other container binds: it would miss an empty directory too. */
async function unsharedSources(host: Host, name: string, sources: readonly string[]): Promise<string[]> {
  const others = (await allDeployments(host.layout)).filter((other) => other.name !== name);
  const shared = new Set(others.flatMap(({ info }) => info?.berth.sources ?? []));
  return sources.filter((source) => !shared.has(source));
}

/** Before a lock file is made for a name that nobody has. */
async function requireInstalled(host: Host, name: string): Promise<void> {
  if ((await readIntent(host.layout, name)) === undefined) await findContainer(host, name);
}

async function remaining({ config }: Host, paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(
    paths.map((path) =>
      lstat(placeInRoot(config.root, path)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_, at) => there[at]);
}
