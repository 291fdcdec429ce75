/**
 * What runs a container: an OCI runtime, systemd itself, or chroot(8). Finding one is I/O; how a configuration becomes the
 * lines of a unit is pure (oci-service.ts, systemd-service.ts, chroot-service.ts).
 */
import { access, constants } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import { Failure } from "../errors.ts";

export type Runtime = OciRuntime | { kind: "systemd" } | { kind: "chroot"; path: string };

export interface OciRuntime {
  kind: "oci";
  /** As seen by the system that will run it: below an offline root this is the path inside. */
  path: string;
  /** By file name; a runtime unknown to berth is driven by what the OCI command line promises. */
  flavor: "runc" | "crun" | "other";
}

/** Directives of a unit's sections, in order, with values quoted for a unit file. */
export type Directive = readonly [key: string, value: string];

/** How a container's unit runs it. */
export interface Service {
  execStart: string;
  directives: Directive[];
  /** What the runtime configuration asks for and this runtime cannot do, in words of the configuration. */
  unsupported: string[];
}

/** Facts about a deployment that a unit names. */
export interface Bundle {
  /** The container's name, which is also its id for the runtime. */
  name: string;
  /** The resolved directory of the deployment: systemd 252 fails with EBUSY on a RootDirectory= behind a symlink. */
  dir: string;
  /** The directory that becomes its root: the checkout, or a writable layer on it. */
  root: string;
  /** The service tells that it is ready by sd_notify. */
  notify: boolean;
}

/** Where a container without an OCI runtime has its /run on the host, so that a second process can share it. */
export function runDirectory(name: string): string {
  return `/run/berth/${name}`;
}

const SEARCH = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin", "/sbin"];

/** In order of preference; systemd needs no program. */
const PREFERRED = ["runc", "crun"] as const;

/**
 * The runtime that `wanted` names: `systemd`, `chroot`, the name of an OCI runtime, or its absolute path. Without `wanted` it is
 * runc, else crun, else systemd. `root` is an offline tree, where programs are looked for inside.
 * @throws Failure RUNTIME_MISSING when it is not there; RUNTIME_UNSUPPORTED for a word that names no runtime.
 */
export async function findRuntime(wanted: string | undefined, { root }: { root: string }): Promise<Runtime> {
  if (wanted === undefined) {
    for (const name of PREFERRED) {
      const path = await findProgram(name, root);
      if (path !== undefined) return ociRuntime(path);
    }
    return { kind: "systemd" };
  }
  if (wanted === "systemd") return { kind: "systemd" };
  if (wanted === "chroot")
    return { kind: "chroot", path: (await findProgram("chroot", root)) ?? "/usr/sbin/chroot" };
  if (!isAbsolute(wanted) && !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(wanted)) {
    throw new Failure("RUNTIME_UNSUPPORTED", `${JSON.stringify(wanted)} names no runtime`, {
      hint: "give systemd, chroot, the name of an OCI runtime such as crun, or its absolute path",
    });
  }
  const path = await findProgram(wanted, root);
  if (path === undefined) {
    throw new Failure("RUNTIME_MISSING", `the runtime ${wanted} is not installed`, {
      hint: isAbsolute(wanted)
        ? "correct the path, or use --runtime systemd, which needs no program"
        : `install the package ${wanted}, or use --runtime systemd, which needs no program`,
    });
  }
  return ociRuntime(path);
}

/** One word for people and for `info`: `systemd`, `chroot`, or the runtime's path. */
export function formatRuntime(runtime: Runtime): string {
  return runtime.kind === "oci" ? runtime.path : runtime.kind;
}

/** The runtime that formatRuntime() wrote. */
export function parseRuntime(text: string): Runtime {
  if (text === "systemd") return { kind: "systemd" };
  return text === "chroot" ? { kind: "chroot", path: "/usr/sbin/chroot" } : ociRuntime(text);
}

function ociRuntime(path: string): OciRuntime {
  const name = basename(path);
  return { kind: "oci", path, flavor: name === "runc" || name === "crun" ? name : "other" };
}

async function findProgram(wanted: string, root: string): Promise<string | undefined> {
  const candidates = isAbsolute(wanted) ? [wanted] : SEARCH.map((dir) => join(dir, wanted));
  for (const path of candidates) {
    try {
      await access(join(root, path), constants.X_OK);
      return path;
    } catch {
      // Absent or not executable: the next one.
    }
  }
  return undefined;
}
