/** df: where the space of the store and of the deployments goes. */
import { statfs } from "node:fs/promises";
import type { Host } from "../host.ts";
import type { Digest } from "../oci/digest.ts";
import type { Pruned } from "../store/prune.ts";
import { usageOfStore, usageOfTree } from "../store/usage.ts";
import { currentDeployment } from "./containers.ts";
import { allDeployments, deployedImages } from "./deployments.ts";

/** All sizes are bytes on the disk. */
export interface DiskUsage {
  state: string;
  fileSystem: { size: number; available: number };
  /** Everything below the state directory, each file counted once. */
  total: number;
  objects: { count: number; bytes: number };
  /** Names, images, listings, kept blobs, pulls under way. */
  records: number;
  images: { names: string[]; digest: string; bytes: number; shared: number; unique: number }[];
  deployments: {
    name: string;
    deployment: number;
    current: boolean;
    bytes: number;
    /** With the store or other deployments. */
    shared: number;
    /** What removing it would free. */
    unique: number;
  }[];
  /** What a prune would free. */
  reclaimable: Pruned;
}

export async function diskUsage(host: Host): Promise<DiskUsage> {
  host.requireRoot("read the whole store");
  const { layout, signal } = host;
  const store = await host.store();
  const { objects, records, images } = await usageOfStore(layout, {
    images: await presentImages(host),
    signal,
  });
  const deployments: DiskUsage["deployments"] = [];
  for (const { name, number, dir } of await allDeployments(layout)) {
    const { bytes, unique } = usageOfTree(dir);
    const current = (await currentDeployment(layout, name)) === number;
    deployments.push({ name, deployment: number, current, bytes, shared: bytes - unique, unique });
  }
  const { blocks, bavail, bsize } = await statfs(layout.state);
  return {
    state: layout.state,
    fileSystem: { size: blocks * bsize, available: bavail * bsize },
    total: usageOfTree(layout.state).bytes,
    objects,
    records,
    images: images.map(({ bytes, unique, ...image }) => ({
      ...image,
      bytes,
      shared: bytes - unique,
      unique,
    })),
    deployments,
    reclaimable: await store.prune({ dryRun: true, keep: () => deployedImages(layout) }),
  };
}

/** Of the images of deployments, those that are in the store. */
async function presentImages({ layout }: Host): Promise<Digest[]> {
  const { hasImage } = await import("../store/image-records.ts");
  return (await deployedImages(layout)).filter((digest) => hasImage(layout, digest));
}
