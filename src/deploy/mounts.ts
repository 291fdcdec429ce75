/** What a container sees mounted beside its root file system, and which directories of the host that needs. Pure. */
import { Failure } from "../errors.ts";
import type { MountTarget } from "../layer/mount-targets.ts";
import type { RuntimeConfig, RuntimeMount } from "../oci/runtime-config.ts";
import type { Facts, HostDirectory, Plan } from "./plan.ts";
import type { InstallRequest } from "./request.ts";
import { stateDirectory } from "./volume.ts";

/** RootDirectory= makes these where an image has them not (base-filesystem.c), and would in the checkout. */
export const MADE_BY_SYSTEMD: readonly string[] = ["/root", "/usr", "/etc"];

/** Where systemd listens for sd_notify, and binds it in a container without an OCI runtime. */
const NOTIFY = "/run/systemd/notify";

/** What systemd and chroot mount on in a container whose configuration is the image's own, or would make there. */
export const MOUNTED_BY_SYSTEMD: readonly MountTarget[] = [
  ...["/proc", "/sys", "/dev", "/run", "/var", ...MADE_BY_SYSTEMD].map((path) => ({
    path,
    type: "dir" as const,
  })),
  { path: NOTIFY, type: "file" },
];

export interface Mounts {
  mounts: RuntimeMount[];
  targets: Plan["mountTargets"];
  state: Plan["state"];
  sources: HostDirectory[];
}

/** Volumes of the image become directories of the host below /var/lib/NAME; those of the request are bound as they are. */
export function mountsOf(name: string, request: InstallRequest, facts: Facts): Mounts {
  const result: Mounts = {
    mounts: [],
    targets: [{ path: facts.image.config.workingDir ?? "/", type: "dir" }],
    state: [],
    sources: [],
  };
  const made = facts.runtime.kind === "systemd" ? MADE_BY_SYSTEMD : [];
  for (const path of ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", ...made])
    result.targets.push({ path, type: "dir" });
  const given = new Set(request.volumes.map((volume) => volume.destination));
  for (const file of facts.networkFiles) {
    if (given.has(file)) continue;
    result.mounts.push(bind(file, file, { readonly: true }));
    result.targets.push({ path: file, type: "file" });
  }
  for (const volume of facts.image.config.volumes) addVolume(name, { volume, given, facts, result });
  for (const { source, destination, readonly } of request.volumes) {
    const kind = facts.kindOf(source);
    // What lies on a tmpfs is gone after a reboot, so it is made again at boot even where it exists now.
    if (kind === "absent" || (kind === "dir" && /^(\/var)?\/run\//.test(source))) {
      result.sources.push({ path: source, uid: facts.user.uid, gid: facts.user.gid, mode: "0755" });
    }
    result.mounts.push(bind(source, destination, { readonly }));
    result.targets.push({ path: destination, type: kind === "file" ? "file" : "dir" });
  }
  return result;
}

/**
 * Where the configuration mounts a tmpfs of some mode, the directory below has that mode too: runc gives the mount the mode
 * of the directory, others the one they are told.
 */
export function tmpfsTargets({ mounts }: RuntimeConfig): MountTarget[] {
  const isCovered = (path: string): boolean =>
    mounts.some(({ destination }) => path.startsWith(`${destination}/`));
  return mounts.flatMap(({ destination: path, type, options = [] }) => {
    const mode = options.map((option) => /^mode=([0-7]{3,4})$/.exec(option)?.[1]).find(Boolean);
    if (type !== "tmpfs" || mode === undefined || isCovered(path)) return [];
    return [{ path, type: "dir" as const, mode: Number.parseInt(mode, 8) }];
  });
}

/** The directory begins as the image's: owner, mode and content; what is there already stays as it is. */
function addVolume(
  name: string,
  { volume, given, facts, result }: { volume: string; given: Set<string>; facts: Facts; result: Mounts },
): void {
  const source = stateDirectory(name, volume);
  const destination = `/${volume
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`;
  if (given.has(destination)) return;
  const other = result.mounts.find((mount) => mount.source === source)?.destination;
  if (other === destination) return;
  if (other !== undefined) {
    throw new Failure("CONFIG_INVALID", `the volumes ${other} and ${destination} would share ${source}`, {
      hint: `give one of them a directory of its own: --volume DIR:${destination}`,
    });
  }
  refuseOwnState(source, facts.paths.state);
  const inImage = facts.directory(destination);
  const { uid, gid, mode } = inImage ?? { uid: facts.user.uid, gid: facts.user.gid, mode: 0o755 };
  // The container sees its volumes and not this; users of the host have no business with what an image or its service put there.
  if (result.state.length === 0)
    result.state.push({ path: `/var/lib/${name}`, uid: 0, gid: 0, mode: "0700" });
  result.state.push({
    path: source,
    uid,
    gid,
    mode: mode.toString(8).padStart(4, "0"),
    ...(inImage === undefined ? {} : { image: destination }),
  });
  result.mounts.push(bind(source, destination, { readonly: false }));
  result.targets.push({ path: destination, type: "dir" });
}

/** An image of berth's own name would have what it keeps there lie among, or be, what berth itself keeps. */
function refuseOwnState(path: string, state: string): void {
  if (!isAtOrBelow(path, state) && !isAtOrBelow(state, path)) return;
  throw new Failure("HOST_FILE_CONFLICT", `its state would lie at ${path}, and berth's own in ${state}`, {
    hint: "give the container another name with --name",
  });
}

function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

export function bind(source: string, destination: string, { readonly }: { readonly: boolean }): RuntimeMount {
  const options = ["rbind", "rprivate", readonly ? "ro" : "rw"];
  return { destination, type: "bind", source, options };
}
