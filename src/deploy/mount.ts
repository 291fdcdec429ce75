/** mount and unmount: the files of an image or a container at another place, to be looked at and never written. */
import { readdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Failure, isErrno, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { type MountPoint, mountsOf, readMounts } from "../sys/mount-points.ts";
import { bindReadOnly, type MountAttribute, unmount as unmountAt } from "../sys/mount-tree.ts";
import { type Container, findContainer } from "./containers.ts";
import { allDeployments, imageOf } from "./deployments.ts";
import { requireImage } from "./images.ts";
import { makeScratch, removeStaleScratch } from "./scratch.ts";

export interface Mounted {
  kind: "image" | "container";
  /** The image's full name, or the container's. */
  name: string;
  digest: string;
  /** Of a container: which one is shown, also after an update. */
  deployment?: number;
  directory: string;
}

/**
 * Of a container the current deployment's files, of an image exactly its tree: read-only, without set-user-ID and devices.
 * @throws Failure IMAGE_UNKNOWN, HOST_FILE_CONFLICT, INTERRUPTED; nothing is left of a mount that fails.
 */
export async function mount(
  host: Host,
  typed: string,
  { directory, attributes }: { directory: string; attributes: readonly MountAttribute[] },
): Promise<Mounted> {
  host.requireRoot("mount an image or a container");
  const target = await requireEmpty(directory);
  const container = await findIfInstalled(host, typed);
  if (container !== undefined) {
    const { name, deployment, info, dir } = container;
    const { rootfs } = info.berth;
    bindReadOnly(
      rootfs === undefined ? join(dir, "rootfs") : join(host.config.root, rootfs),
      target,
      attributes,
    );
    return { kind: "container", name, digest: imageOf(info), deployment, directory: target };
  }
  const { name, image } = await requireImage(host, typed);
  const store = await host.store();
  const scratch = await makeScratch(host);
  try {
    host.report({ type: "step", step: "checkout", name });
    const rootfs = join(scratch.dir, "rootfs");
    await store.checkout(await store.tree(image), rootfs);
    bindReadOnly(rootfs, target, attributes);
  } catch (error) {
    await scratch.remove();
    throw error;
  }
  // From here on the checkout belongs to the mount, not to this command.
  scratch.leave();
  return { kind: "image", name, digest: image.digest, directory: target };
}

/** Undoes `mount`. @throws Failure NOT_MOUNTED, BUSY */
export async function unmount(host: Host, directory: string): Promise<{ directory: string }> {
  host.requireRoot("unmount an image or a container");
  const path = await realpath(directory).catch(() => resolve(directory));
  const top = readMounts().findLast((mounted) => mounted.path === path);
  if (top === undefined || !(await isOurs(host, top))) {
    throw new Failure("NOT_MOUNTED", `nothing that berth mounted is at ${path}`, {
      hint: top === undefined ? "see findmnt" : `it is another's mount: umount ${path}`,
    });
  }
  try {
    unmountAt(path);
  } catch (error) {
    if (!isErrno(error, "EBUSY")) throw error;
    throw new Failure("BUSY", `${path} is in use`, {
      hint: `see who uses it: fuser -vm ${path}`,
      cause: error,
    });
  }
  await removeStaleScratch(host);
  return { directory: path };
}

async function findIfInstalled(host: Host, name: string): Promise<Container | undefined> {
  try {
    return await findContainer(host, name);
  } catch (error) {
    if (isFailure(error, "NOT_INSTALLED")) return undefined;
    throw error;
  }
}

async function requireEmpty(directory: string): Promise<string> {
  try {
    const path = await realpath(directory);
    if ((await readdir(path)).length === 0) return path;
  } catch (cause) {
    const reason = isErrno(cause, "ENOENT") ? "does not exist" : "cannot be read";
    throw new Failure("USAGE", `the directory ${directory} ${reason}`, { cause, hint: "make it first" });
  }
  throw new Failure("HOST_FILE_CONFLICT", "The destination path is not empty.", {
    hint: `${directory} holds something; give an empty directory`,
  });
}

/** By the directory that is seen there. */
async function isOurs({ layout, config }: Host, mounted: MountPoint): Promise<boolean> {
  const scratch = /\/([0-9a-f]{16})\/rootfs$/.exec(mounted.root)?.[1];
  if (scratch !== undefined && isAt(join(layout.scratch, scratch, "rootfs"), mounted)) return true;
  return (await allDeployments(layout)).some(({ dir, info }) => {
    const rootfs = info?.berth.rootfs;
    return isAt(rootfs === undefined ? join(dir, "rootfs") : join(config.root, rootfs), mounted);
  });
}

function isAt(directory: string, mounted: MountPoint): boolean {
  return mountsOf(directory, [mounted]).length > 0;
}
