import { lstatSync, readdirSync, rmdirSync, type Stats, unlinkSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../errors.ts";
import type { Report } from "../events.ts";
import { type Digest, digestHex } from "../oci/digest.ts";
import { type Claims, disturb, readClaims } from "./claims.ts";
import { breather, removeTree, syncDirectory } from "./files.ts";
import { entriesOf, hasImage, readImage, readNames } from "./image-records.ts";
import type { Layout } from "./layout.ts";
import { objectsOfListing, readListing } from "./listings.ts";
import { lockFile, lockToRead, tryLockFile } from "./locks.ts";
import { digestOfFile } from "./read-records.ts";
import { removeStaleStages, stagesOf } from "./stage.ts";

/** What was removed, or would be; `bytes` is the space that this frees: objects that a deployment has besides free none. */
export interface Pruned {
  objects: number;
  bytes: number;
  layers: number;
  images: number;
}

export interface PruneOptions {
  report?: Report | undefined;
  signal?: AbortSignal | undefined;
  /** Images to keep although no name means them, such as those of deployments; asked for while nobody adds. */
  keep?: () => Iterable<Digest> | Promise<Iterable<Digest>>;
  /** Remove nothing. */
  dryRun?: boolean | undefined;
  /** Keep also what came less than this ago; milliseconds. */
  graceMs?: number | undefined;
}

/**
 * Mark and sweep: drops what neither a name, nor `keep`, nor a pull that goes on refers to, while nobody claims or publishes. Images go first,
 * then listings, objects last, with a sync before them: a listing that is there promises its objects. STORE_CORRUPT when it cannot be known what
 * is needed.
 */
export async function pruneStore(layout: Layout, options: PruneOptions): Promise<Pruned> {
  const { report, signal, keep = () => [], dryRun = false, graceMs = 0 } = options;
  using _ = dryRun
    ? await lockToRead(layout.lock, { report, signal })
    : await lockFile(layout.lock, { mode: "exclusive", report, signal });
  const stages = dryRun ? stagesOf(layout) : await removeStaleStages(layout);
  const isYoung = graceMs === 0 ? () => false : youngerThan(Date.now() - graceMs);
  const kept = markKept(layout, { keep: await keep(), isYoung, claims: readClaims(stages) });
  const pruned: Pruned = { objects: 0, bytes: 0, layers: 0, images: 0 };
  const sweep = (dir: string, isKept: (file: string) => boolean): number => {
    let count = 0;
    for (const file of entriesOf(dir)) {
      const path = join(dir, file);
      const stat = lstatSync(path);
      if (isKept(file) || isYoung(stat)) continue;
      count++;
      pruned.bytes += spaceOf(stat);
      if (!dryRun) unlinkSync(path);
    }
    return count;
  };
  pruned.images = sweep(layout.images, (file) => kept.images.has(file));
  for (const file of entriesOf(layout.checkouts))
    if (!dryRun && !kept.images.has(`${file}.json`)) await removeTree(join(layout.checkouts, file));
  pruned.layers = sweep(layout.layers, (file) => kept.layers.has(file));
  sweep(layout.blobs, (file) => kept.blobs.has(file));
  if (!dryRun) {
    removeFreeLayerLocks(layout);
    // Not the whole file system: pulls that go on may have much of theirs still to write.
    syncDirectory(layout.images);
    syncDirectory(layout.layers);
    disturb(stages);
  }
  const breathe = breather(signal, "prune");
  for (const path of objectPaths(layout)) {
    await breathe();
    if (kept.objects.has(path.slice(path.lastIndexOf("/") + 1))) continue;
    const stat = lstatSync(path);
    if (isYoung(stat)) continue;
    pruned.objects++;
    if (stat.nlink === 1) pruned.bytes += spaceOf(stat);
    if (!dryRun) unlinkSync(path);
  }
  if (!dryRun) for (const prefix of entriesOf(layout.objects)) removeIfEmpty(join(layout.objects, prefix));
  return pruned;
}

/** Those of killed pullers. */
function removeFreeLayerLocks({ tmp }: Layout): void {
  for (const file of readdirSync(tmp)) {
    if (!file.endsWith(".layer")) continue;
    const path = join(tmp, file);
    using lock = tryLockFile(path, "exclusive");
    if (lock !== undefined) unlinkSync(path);
  }
}

function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch (error) {
    if (!isErrno(error, "ENOTEMPTY")) throw error;
  }
}

/** Bytes on the disk. */
export function spaceOf({ blocks }: Stats): number {
  return blocks * 512;
}

export function* objectPaths({ objects }: Layout): Generator<string> {
  for (const prefix of entriesOf(objects))
    for (const name of readdirSync(join(objects, prefix))) yield join(objects, prefix, name);
}

/** By the time of the last change of anything about it, since an object has the time that its layer says. */
function youngerThan(limit: number): (stat: Stats) => boolean {
  return ({ ctimeMs }) => ctimeMs > limit;
}

/** File names of what stays. */
function markKept(
  layout: Layout,
  { keep, isYoung, claims }: { keep: Iterable<Digest>; isYoung: (stat: Stats) => boolean; claims: Claims },
): Record<"images" | "layers" | "blobs" | "objects", Set<string>> {
  const kept = {
    images: new Set<string>(),
    layers: new Set<string>(),
    blobs: claims.blobs,
    objects: claims.objects,
  };
  const keepLayer = (file: string): void => {
    if (kept.layers.has(file)) return;
    kept.layers.add(file);
    for (const name of objectsOfLayer(layout, digestOfFile(file))) kept.objects.add(name);
  };
  for (const file of claims.layers) keepLayer(file);
  const young = entriesOf(layout.images).filter((file) => isYoung(lstatSync(join(layout.images, file))));
  const digests = new Set([
    ...readNames(layout).map(({ digest }) => digest),
    ...keep,
    ...young.map(digestOfFile),
  ]);
  for (const digest of digests) {
    if (!hasImage(layout, digest)) continue;
    kept.images.add(`${digestHex(digest)}.json`);
    const { manifest, config } = readImage(layout, digest);
    for (const layer of manifest.layers) kept.blobs.add(digestHex(layer.digest));
    for (const diffId of config.diffIds) keepLayer(digestHex(diffId));
  }
  return kept;
}

/** Names of the objects that a layer brings. STORE_CORRUPT. */
export function* objectsOfLayer(layout: Layout, diffId: Digest): Generator<string> {
  yield* objectsOfListing(readListing(layout, diffId));
}
