/**
 * A container by plain chroot(8), for a tool that needs the host: its devices, its kernel, all capabilities. Only the file
 * system is the image's, put together in a mount namespace of the unit.
 */
import type { RuntimeConfig, RuntimeMount } from "../oci/runtime-config.ts";
import { quoteExec, quotePath, quotePathValue } from "../unit/quote.ts";
import { bindLine, damagedPath, isBind, tmpfsLine } from "./mounts.ts";
import { hostVariables, processDirectives, runDirectives } from "./process.ts";
import { type Bundle, type Directive, runDirectory, type Service } from "./runtime.ts";
import { type Translation, translation } from "./translation.ts";

/** What the host has, and a tool of the host sees as it is. */
const HOST_MOUNTS = new Set(["/proc", "/dev", "/sys"]);

/** Where systemd listens for sd_notify; NOTIFY_SOCKET names it. */
const NOTIFY = "/run/systemd/notify";

interface ChrootNeeds {
  environmentFile: string;
  /** The program. */
  chroot: string;
  /**
   * Where a path of the container leads, seen from its root: systemd takes the root for a directory like any other, and would
   * follow a link of the image to the host's files.
   */
  resolve(path: string): string;
  /** Of the host's systemd; undefined where it is not known. */
  version: number | undefined;
}

export function chrootService(
  config: RuntimeConfig,
  { chroot, resolve, version, ...bundle }: Bundle & ChrootNeeds,
): Service {
  const { process } = config;
  const { root } = bundle;
  const run = runDirectory(bundle.name);
  const place = (path: string): string => root + resolve(path);
  const mounted = mounts(config.mounts, { place, resolve, run, version });
  const basis: Directive[] = [
    ["PrivateMounts", "yes"],
    ...(config.root.readonly === true ? [["ReadOnlyPaths", quotePath(root)] as const] : []),
    ["EnvironmentFile", quotePathValue(bundle.environmentFile, { glob: true })],
    ["UnsetEnvironment", hostVariables(process.env).join(" ")],
    ["KillMode", "mixed"],
    ...runDirectives(bundle.name),
    ...[...HOST_MOUNTS].map((path) => ["BindPaths", `${path}:${quotePath(place(path))}`] as const),
  ];
  if (bundle.notify) {
    basis.push(["NotifyAccess", "all"], ["BindPaths", `${NOTIFY}:${quotePath(place(NOTIFY))}`]);
  }
  const parts = [processDirectives(process), mounted, network(config)];
  const command = chrootCommand(config, { root, chroot });
  return {
    execStart: quoteExec(command.argv),
    directives: [...basis, ...parts.flatMap(({ directives }) => directives)],
    unsupported: [...parts, command].flatMap(({ unsupported }) => unsupported),
  };
}

/** chroot(8) begins in the new root; unshare(1), which unshares nothing here, begins where it is told to. */
export function chrootCommand(
  { process }: RuntimeConfig,
  { root, chroot }: { root: string; chroot: string },
): { argv: string[]; unsupported: string[] } {
  const { uid, gid, additionalGids = [] } = process.user;
  const isRoot = uid === 0 && gid === 0;
  if (process.cwd === "/") {
    const user = isRoot ? [] : [`--userspec=${uid}:${gid}`, `--groups=${additionalGids.join(",")}`];
    return { argv: [chroot, ...user, root, ...process.args], unsupported: [] };
  }
  const user = isRoot ? [] : [`--setgid=${gid}`, `--setuid=${uid}`];
  return {
    argv: ["/usr/bin/unshare", `--root=${root}`, `--wd=${process.cwd}`, ...user, "--", ...process.args],
    unsupported:
      additionalGids.length > 0
        ? ["more groups and a working directory at a time (process.user.additionalGids)"]
        : [],
  };
}

function mounts(
  given: readonly RuntimeMount[],
  {
    place,
    resolve,
    run,
    version,
  }: { place(path: string): string; run: string } & Pick<ChrootNeeds, "resolve" | "version">,
): Translation {
  const made = translation();
  for (const mount of given) {
    const { destination, source, options = [], type } = mount;
    if (isOfHost(destination)) continue;
    if (isOfHost(resolve(destination))) {
      made.unsupported.push(`the mount at ${destination}, which leads to ${resolve(destination)}`);
      continue;
    }
    const target = place(destination);
    const damaged = damagedPath({ ...mount, destination: target }, version);
    if (damaged !== undefined) {
      made.unsupported.push(damaged);
      continue;
    }
    if (destination === "/run" && type === "tmpfs")
      made.directives.push(["BindPaths", `${quotePath(run)}:${quotePath(target)}:norbind`]);
    else if (type === "tmpfs") made.directives.push(tmpfsLine(target, options));
    else if (isBind(mount) && source !== undefined) made.directives.push(bindLine(source, target, options));
    else made.unsupported.push(`the mount of type ${type ?? "none"} at ${destination}`);
  }
  return made;
}

function isOfHost(destination: string): boolean {
  return [...HOST_MOUNTS].some((path) => destination === path || destination.startsWith(`${path}/`));
}

function network({ linux = {} }: RuntimeConfig): Translation {
  const made = translation();
  for (const { type, path } of linux.namespaces ?? []) {
    if (type !== "network") continue;
    made.directives.push(
      path === undefined ? ["PrivateNetwork", "yes"] : ["NetworkNamespacePath", quotePathValue(path)],
    );
  }
  return made;
}
