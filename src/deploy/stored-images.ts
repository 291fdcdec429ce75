/** What the store holds in the eyes of who knows Atomic: images with their unpacked size, and the layers between. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../host.ts";
import type { Digest } from "../oci/digest.ts";
import type { Layout } from "../store/layout.ts";
import { readListing } from "../store/listings.ts";
import { namesIn } from "../sys/if-there.ts";
import { containerNames, findContainer } from "./containers.ts";
import { imageOf } from "./deployments.ts";

export interface UnpackedImage {
  name: string;
  digest: string;
  /** When it was made, or else pulled: ISO 8601. */
  created: string;
  /** Of the files of its layers, in bytes. */
  size: number;
  /** A container has it. */
  used: boolean;
  labels: Record<string, string>;
}

export interface StoredLayer {
  diffId: Digest;
  /** When it came: ISO 8601. */
  created: string;
  size: number;
  /** An image with a name has it. */
  needed: boolean;
}

/** Sorted by name. */
export async function unpackedImages(host: Host): Promise<UnpackedImage[]> {
  const used = new Set(await imagesInUse(host));
  const sizes = new Map<Digest, number>();
  const sizeOf = (diffId: Digest): number => {
    const size = sizes.get(diffId) ?? layerSize(host.layout, diffId);
    sizes.set(diffId, size);
    return size;
  };
  return (await (await host.store()).names()).map(({ name, image }) => ({
    name,
    digest: image.digest,
    created: image.config.created ?? image.created,
    size: image.config.diffIds.reduce((sum, diffId) => sum + sizeOf(diffId), 0),
    used: used.has(image.digest),
    labels: image.config.config.labels,
  }));
}

export async function storedLayers(host: Host): Promise<StoredLayer[]> {
  const { layout } = host;
  const images = await (await host.store()).names();
  const needed = new Set(images.flatMap(({ image }) => image.config.diffIds));
  const layers: StoredLayer[] = [];
  for (const hex of (await namesIn(layout.layers)).sort()) {
    const diffId: Digest = `sha256:${hex}`;
    const { mtime } = await stat(join(layout.layers, hex));
    layers.push({
      diffId,
      created: mtime.toISOString(),
      size: layerSize(layout, diffId),
      needed: needed.has(diffId),
    });
  }
  return layers;
}

/** The images of the current deployments. */
async function imagesInUse(host: Host): Promise<Digest[]> {
  const digests: Digest[] = [];
  for (const name of await containerNames(host.layout)) {
    try {
      digests.push(imageOf((await findContainer(host, name)).info));
    } catch {
      // A container without a readable record: `containers list` and `verify` tell of it.
    }
  }
  return digests;
}

function layerSize(layout: Layout, diffId: Digest): number {
  return readListing(layout, diffId).changes.reduce(
    (sum, change) => (change.kind === "add" && change.node.type === "file" ? sum + change.node.size : sum),
    0,
  );
}
