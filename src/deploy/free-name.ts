/** Whether a name is free for a container: no container, no unit of the host's and no mask has it. */
import { dirname, join } from "node:path";
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import { isThere } from "../sys/if-there.ts";
import { containerNames } from "./containers.ts";
import { isMask } from "./host-files.ts";
import { interruptedNames } from "./journal.ts";
import { excludedBy } from "./name.ts";

/** Where packages have their units. */
const PACKAGED = ["/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/** Where systemd looks for units, those that berth does not write included: the first place counts. */
const UNIT_DIRECTORIES = ["/etc/systemd/system", "/run/systemd/system", ...PACKAGED];

/**
 * A name can be installed when no container, no deployment of one, and no unit has it. A mask is no unit, but who starts what
 * it keeps from starting goes against the admin. A package's unit gives its name up when the admin says so and it is at rest.
 * @throws Failure NAME_TAKEN; HOST_FILE_CONFLICT for a mask, unless the service is not to be started and the mask will hold.
 */
export async function requireFreeName(
  host: Host,
  name: string,
  { start, replaceUnit = false }: { start: boolean; replaceUnit?: boolean | undefined },
): Promise<void> {
  const names = await containerNames(host.layout);
  if (names.includes(name)) {
    throw new Failure("NAME_TAKEN", `a container ${name} is installed already`, {
      hint: `give another name with --name, or remove it: berth uninstall ${name}`,
    });
  }
  // An interrupted install has no link yet, and will be undone: what it leaves has its name too.
  const other = excludedBy(name, [...names, ...(await interruptedNames(host.layout))]);
  if (other !== undefined) {
    throw new Failure(
      "NAME_TAKEN",
      `${name} cannot stand beside the container ${other}: one's deployments have the other's name`,
      {
        hint: "give another name with --name",
      },
    );
  }
  const unit = `${name}.service`;
  const mask = await findMask(host, unit);
  if (mask !== undefined) refuseMask(host, { unit, mask, start });
  const place = mask === undefined ? await findUnit(host, unit) : await findUnitFile(host, unit);
  if (place === undefined) return;
  const canReplace = isBehind(host, { unit, place });
  if (canReplace && replaceUnit) return requireAtRest(host, { unit, place });
  throw new Failure("NAME_TAKEN", `this host has a unit ${unit} already: ${place}`, {
    hint: canReplace
      ? "give another name with --name, or take the place of the package's unit with --replace-unit"
      : "give another name with --name",
  });
}

/** Whether it is a package's unit, which one of the same name where berth writes its own comes before. */
function isBehind({ config }: Host, { unit, place }: { unit: string; place: string }): boolean {
  const order = UNIT_DIRECTORIES.map((directory) => join(config.root, directory));
  const own = order.indexOf(config.unitDirectory);
  return (
    PACKAGED.some((directory) => join(config.root, directory, unit) === place) &&
    own < order.indexOf(dirname(place))
  );
}

/** One that runs would be taken for the container's, and its links for those that an uninstall removes. */
async function requireAtRest(host: Host, { unit, place }: { unit: string; place: string }): Promise<void> {
  const { offline, config } = host;
  const state = offline ? "inactive" : (await (await host.systemd()).unit(unit)).activeState;
  const { isEnabledOffline } = await import("../systemd/offline.ts");
  const isEnabled = await isEnabledOffline(config.root, unit);
  if ((state === "inactive" || state === "failed") && !isEnabled) return;
  throw new Failure("NAME_TAKEN", `${place} cannot be replaced: it is ${isEnabled ? "enabled" : state}`, {
    hint: `first: systemctl ${offline ? `--root=${config.root} disable` : "disable --now"} ${unit}`,
  });
}

function refuseMask(
  { config }: Host,
  { unit, mask, start }: { unit: string; mask: string; start: boolean },
): void {
  const order = UNIT_DIRECTORIES.map((directory) => join(config.root, directory));
  const own = order.indexOf(config.unitDirectory);
  const holds = own < 0 || order.indexOf(dirname(mask)) <= own;
  if (holds && !start) return;
  throw new Failure("HOST_FILE_CONFLICT", `${unit} is masked: ${mask} is a link to /dev/null`, {
    hint: holds
      ? `unmask it (systemctl unmask ${unit}), or install with --no-start: it stays masked then`
      : `unmask it: systemctl unmask --runtime ${unit}`,
  });
}

/** The link to /dev/null that keeps the unit from starting. */
export async function findMask({ config }: Host, unit: string): Promise<string | undefined> {
  for (const directory of UNIT_DIRECTORIES) {
    const path = join(config.root, directory, unit);
    if (await isMask(path)) return path;
    if (await isThere(path)) return undefined;
  }
  return undefined;
}

async function findUnit(host: Host, unit: string): Promise<string | undefined> {
  if (host.offline) return findUnitFile(host, unit);
  const systemd = await host.systemd();
  const { loadState } = await systemd.unit(unit);
  if (loadState === "not-found") return undefined;
  return String(await systemd.property(unit, "Unit", "FragmentPath")) || loadState;
}

async function findUnitFile({ config }: Host, unit: string): Promise<string | undefined> {
  for (const directory of UNIT_DIRECTORIES) {
    const path = join(config.root, directory, unit);
    if ((await isThere(path)) && !(await isMask(path))) return path;
  }
  return undefined;
}
