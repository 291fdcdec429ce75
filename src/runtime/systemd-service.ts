/**
 * A container without any runtime: the runtime configuration said in directives of its unit (systemd.exec(5)).
 * What has no directive is named in `unsupported`, never left out silently.
 */
import type { RuntimeConfig } from "../oci/runtime-config.ts";
import { quoteExec, quotePath, quotePathValue } from "../unit/quote.ts";
import { bindsHostDevices, deviceDirectives, mountDirectives } from "./mounts.ts";
import { namespaceDirectives } from "./namespaces.ts";
import { CAPABILITY, hostVariables, processDirectives, runDirectives } from "./process.ts";
import { type Bundle, type Directive, runDirectory, type Service } from "./runtime.ts";
import { seccompDirectives } from "./seccomp.ts";
import { recordAt, type Translation, translation, unknownKeys, wordsAt } from "./translation.ts";

/** What the configuration written for systemd may ask: a private pid namespace needs systemd 257. */
export const SYSTEMD_NAMESPACES: readonly string[] = ["mount", "ipc", "uts"];

/** `linux` as far as it is said here or elsewhere (resources.ts), or as it asks for nothing. */
const KNOWN_LINUX = [
  ...["namespaces", "maskedPaths", "readonlyPaths", "cgroupsPath", "rootfsPropagation", "devices"],
  ...["resources", "seccomp", "personality", "uidMappings", "gidMappings"],
];

export interface SystemdNeeds {
  /** Holds the process' environment, so that no value stands in the unit. */
  environmentFile: string;
  /** Of the host's systemd; undefined where it is not known. */
  version: number | undefined;
}

/** The oldest systemd that berth supports; what an unknown one is taken for when it may lack something. */
const OLDEST_SYSTEMD = 250;

export function systemdService(config: RuntimeConfig, bundle: Bundle & SystemdNeeds): Service {
  const { process, linux = {} } = config;
  const hostDevices = bindsHostDevices(config);
  const run = runDirectory(bundle.name);
  const basis: Directive[] = [
    ["RootDirectory", quotePathValue(bundle.root)],
    ["MountAPIVFS", "yes"],
    ["PrivateDevices", hostDevices ? "no" : "yes"],
    ["EnvironmentFile", quotePathValue(bundle.environmentFile, { glob: true })],
    ["UnsetEnvironment", hostVariables(process.env).join(" ")],
    ["KillMode", "mixed"],
    ...(bundle.notify ? [["NotifyAccess", "all"] as const] : []),
    // The plus makes it the container's root, with all that nothing else is said of. ProtectSystem= would leave out /root and /home,
    // and take a mount more for each.
    ...(config.root.readonly === true ? [["ReadOnlyPaths", "+/"] as const] : []),
    ...runDirectives(bundle.name),
  ];
  const parts = [
    identity(config),
    processDirectives(process),
    capabilities(config),
    workingDirectory(process.cwd),
    mountDirectives(config.mounts, {
      noNewPrivileges: process.noNewPrivileges === true,
      run,
      version: bundle.version,
    }),
    deviceDirectives(linux),
    namespaceDirectives(config, bundle.version ?? OLDEST_SYSTEMD),
    seccompDirectives(linux["seccomp"]),
    paths(config),
    rest(config),
  ];
  return {
    execStart: quoteExec(process.args),
    directives: [...basis, ...parts.flatMap(({ directives }) => directives)],
    unsupported: parts.flatMap(({ unsupported }) => unsupported),
  };
}

function identity({ process: { user } }: RuntimeConfig): Translation {
  const made = translation();
  if (user.uid === 0 && user.gid === 0 && (user.additionalGids ?? []).length === 0) return made;
  const groups = user.additionalGids ?? [];
  // `User=0` would set variables of the host's root.
  if (user.uid !== 0) made.directives.push(["User", String(user.uid)]);
  made.directives.push(["Group", String(user.gid)]);
  if (groups.length > 0) made.directives.push(["SupplementaryGroups", groups.join(" ")]);
  return made;
}

/**
 * After exec root has its bounding set and another user its ambient set, whatever else the configuration lists: a smaller
 * effective set of root's is what cannot be said.
 */
function capabilities({ process }: RuntimeConfig): Translation {
  const made = translation();
  const sets = recordAt(process.capabilities, "process.capabilities");
  const named = (set: string): string[] =>
    wordsAt(sets[set], { what: `process.capabilities.${set}`, pattern: CAPABILITY });
  const [bounding, ambient, effective] = [named("bounding"), named("ambient"), named("effective")];
  // An empty list is a directive too: it takes every capability away.
  made.directives.push(["CapabilityBoundingSet", bounding.join(" ")]);
  if (ambient.length > 0) made.directives.push(["AmbientCapabilities", ambient.join(" ")]);
  const missing = bounding.filter((name) => !effective.includes(name));
  if (process.user.uid === 0 && effective.length > 0 && missing.length > 0) {
    made.unsupported.push(`${missing.join(", ")} to be bounding but not effective (process.capabilities)`);
  }
  return made;
}

function workingDirectory(cwd: string): Translation {
  return { directives: cwd === "/" ? [] : [["WorkingDirectory", quotePathValue(cwd)]], unsupported: [] };
}

/** Nobody opens it without this capability (open_kcore()), so hiding it would say nothing more, and takes a while. */
const KCORE = { path: "/proc/kcore", needs: "CAP_SYS_RAWIO" };

function paths({ process, linux = {} }: RuntimeConfig): Translation {
  const made = translation();
  const { bounding = [] } = process.capabilities ?? {};
  // A missing path is none to hide; `+` makes it a path of the container's root.
  for (const path of linux.maskedPaths ?? []) {
    if (path === KCORE.path && !bounding.includes(KCORE.needs)) continue;
    made.directives.push(["InaccessiblePaths", `-+${quotePath(path)}`]);
  }
  for (const path of linux.readonlyPaths ?? [])
    made.directives.push(["ReadOnlyPaths", `-+${quotePath(path)}`]);
  return made;
}

function rest({ process, linux = {}, ...config }: RuntimeConfig): Translation {
  const made = translation();
  if (process.terminal === true) made.unsupported.push("a terminal (process.terminal)");
  if (typeof config["domainname"] === "string" && config["domainname"] !== "")
    made.unsupported.push("a NIS domain name of its own (domainname)");
  const { domain } = recordAt(linux["personality"], "linux.personality");
  if (domain === "LINUX32") made.directives.push(["Personality", "x86"]);
  if (linux["rootfsPropagation"] === "shared" || linux["rootfsPropagation"] === "rshared")
    made.unsupported.push("mounts shared with the host (linux.rootfsPropagation)");
  made.unsupported.push(...unknownKeys(linux, { what: "linux", known: KNOWN_LINUX }));
  return made;
}
