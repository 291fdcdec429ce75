import { lstatSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../events.ts";
import { type Digest, digestHex } from "../oci/digest.ts";
import { breather, syncFileSystem } from "./files.ts";
import { hasImage, readImage, readNames } from "./image-records.ts";
import type { Layout } from "./layout.ts";
import { readListing } from "./listings.ts";
import { lockFile } from "./locks.ts";
import { objectName } from "./object-name.ts";
import { removeStaleStages } from "./stage.ts";

/** What was removed; `bytes` is the size of the objects. */
export interface Pruned {
  objects: number;
  bytes: number;
  layers: number;
  images: number;
}

export interface PruneOptions {
  report?: Report | undefined;
  signal?: AbortSignal | undefined;
  /** Images to keep although no name means them, such as those of deployments. */
  keep?: Iterable<Digest>;
}

/**
 * Mark and sweep: drops what neither a name nor `keep` refers to, while nobody adds. Images go first, then
 * listings, objects last, with a sync before them: a listing that is there promises its objects.
 */
export async function pruneStore(
  layout: Layout,
  { report, signal, keep = [] }: PruneOptions,
): Promise<Pruned> {
  using _ = await lockFile(layout.lock, { mode: "exclusive", report, signal });
  await removeStaleStages(layout);
  const kept = markKept(layout, keep);
  const images = sweep(layout.images, (file) => kept.images.has(file));
  const layers = sweep(layout.layers, (file) => kept.layers.has(file));
  sweep(layout.tmp, (file) => !file.endsWith(".layer")); // of killed pullers
  syncFileSystem(layout.store);
  const breathe = breather(signal, "prune");
  const pruned: Pruned = { objects: 0, bytes: 0, layers, images };
  for (const prefix of readdirSync(layout.objects)) {
    const dir = join(layout.objects, prefix);
    for (const name of readdirSync(dir)) {
      if (kept.objects.has(name)) continue;
      const path = join(dir, name);
      pruned.bytes += lstatSync(path).size;
      pruned.objects++;
      unlinkSync(path);
      await breathe();
    }
  }
  return pruned;
}

/** File names of what stays. */
function markKept(
  layout: Layout,
  keep: Iterable<Digest>,
): { images: Set<string>; layers: Set<string>; objects: Set<string> } {
  const kept = { images: new Set<string>(), layers: new Set<string>(), objects: new Set<string>() };
  const digests = new Set([...readNames(layout).map(({ digest }) => digest), ...keep]);
  for (const digest of digests) {
    if (!hasImage(layout, digest)) continue;
    kept.images.add(`${digestHex(digest)}.json`);
    for (const diffId of readImage(layout, digest).config.diffIds) {
      const file = digestHex(diffId);
      if (kept.layers.has(file)) continue;
      kept.layers.add(file);
      for (const change of readListing(layout, diffId).changes)
        if (change.kind === "add" && change.node.type === "file" && change.node.size > 0)
          kept.objects.add(objectName(change.node.sha256, change.node));
    }
  }
  return kept;
}

/** Removes the files of `dir` that are not kept; says how many. */
function sweep(dir: string, isKept: (file: string) => boolean): number {
  const gone = readdirSync(dir).filter((file) => !isKept(file));
  for (const file of gone) unlinkSync(join(dir, file));
  return gone.length;
}
