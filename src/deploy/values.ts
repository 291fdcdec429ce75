/** The values that an image's templates see: whose word counts for which name. Pure. */
import type { TemplateValues } from "../render/substitute.ts";
import { ALL_CAPABILITIES, capabilitiesIn } from "../runtime/capabilities.ts";

/** What an admin set: `--set` and `--values`. Kept apart from all else, so that new defaults and a new host take effect. */
export type SetValues = Readonly<Record<string, string>>;

/** What the host and the deployment say; each is a variable of its own. */
export interface HostValues {
  /** The container's name. */
  name: string;
  /** The deployment's directory, as the service's system sees it. */
  dir: string;
  image: {
    /** As given at install, without a transport. */
    name: string;
    /** Hex of its manifest's digest. */
    id: string;
  };
  /** Whoever installs. */
  uid: number;
  gid: number;
  /** The runtime in one word: its path, `systemd` or `chroot`. */
  runtime: string;
  /** The path of this program. */
  atomic: string;
  /** What the host's init may give, a bit each; undefined: all. */
  capabilities: bigint | undefined;
  /** Made at the first install; the same ever after. */
  uuid: string;
  /** The unit's command line; empty as long as it is not known. */
  execStart: string;
}

/** Variables that the host has a word on but an admin may set. */
const OVERRIDABLE = [
  ...["RUN_DIRECTORY", "STATE_DIRECTORY", "CONF_DIRECTORY", "PIDFILE", "UUID"],
  ...["ALL_PROCESS_CAPABILITIES", "RUNTIME", "ATOMIC"],
] as const;

/** Variables that nobody sets: what is given for them is passed over. */
const FORCED = [
  ...["DESTDIR", "NAME", "EXEC_START", "EXEC_STARTPRE", "EXEC_STOP", "EXEC_STOPPOST"],
  ...["HOST_UID", "HOST_GID", "IMAGE_NAME", "IMAGE_ID"],
] as const;

export const FORCED_VARIABLES: ReadonlySet<string> = new Set(FORCED);

/** The variables that a template can use without anybody setting them. */
export const HOST_VARIABLES: ReadonlySet<string> = new Set([...OVERRIDABLE, ...FORCED]);

/** What the admin set, then what the host says, then the image's defaults; what is forced comes before all. */
export function valuesOf(
  set: SetValues,
  { defaults, host }: { defaults: Readonly<Record<string, string>>; host: HostValues },
): TemplateValues {
  const runDirectory = set["RUN_DIRECTORY"] ?? "/run";
  const overridable: Record<(typeof OVERRIDABLE)[number], string> = {
    RUN_DIRECTORY: runDirectory,
    STATE_DIRECTORY: "/var/lib",
    CONF_DIRECTORY: "/etc",
    PIDFILE: `${runDirectory}/container-${host.name}.pid`,
    // The one of these that an image can fix.
    UUID: Object.hasOwn(defaults, "UUID") ? (defaults["UUID"] ?? host.uuid) : host.uuid,
    ALL_PROCESS_CAPABILITIES: capabilityList(host.capabilities),
    RUNTIME: host.runtime,
    ATOMIC: host.atomic,
  };
  const forced: Record<(typeof FORCED)[number], string | number> = {
    DESTDIR: host.dir,
    NAME: host.name,
    EXEC_START: host.execStart,
    // Cleaning up before and after, and how to stop, are in berth's drop-in.
    EXEC_STARTPRE: "",
    EXEC_STOP: "",
    EXEC_STOPPOST: "",
    HOST_UID: host.uid,
    HOST_GID: host.gid,
    IMAGE_NAME: host.image.name,
    IMAGE_ID: host.image.id,
  };
  return { ...defaults, ...overridable, ...set, ...forced };
}

/** As templates put it between brackets: JSON texts, a line each. */
function capabilityList(mask: bigint | undefined): string {
  return `${capabilitiesIn(mask ?? ALL_CAPABILITIES)
    .map((name) => JSON.stringify(name))
    .join(",\n")}\n`;
}

/** `values` to be shown: each that was set stands as its `$NAME`, since it may be a secret. */
export function shownValues(values: TemplateValues, set: SetValues): TemplateValues {
  const hidden = Object.keys(set).filter((name) => !FORCED_VARIABLES.has(name));
  return { ...values, ...Object.fromEntries(hidden.map((name) => [name, `$${name}`])) };
}
