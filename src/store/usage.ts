import { lstatSync, readdirSync, type Stats } from "node:fs";
import { basename } from "node:path";
import type { Digest } from "../oci/digest.ts";
import { breather } from "./files.ts";
import { readImage, readNames } from "./image-records.ts";
import type { Layout } from "./layout.ts";
import { objectPaths, objectsOfLayer, spaceOf } from "./prune.ts";

/** All sizes are bytes on the disk, as du(1) counts. */
export interface StoreUsage {
  objects: { count: number; bytes: number };
  /** Names, images, listings, kept blobs, and what pulls that go on have got so far. */
  records: number;
  images: ImageUsage[];
}

export interface ImageUsage {
  digest: Digest;
  names: string[];
  /** Of the objects of its layers, each counted once. */
  bytes: number;
  /** Of those, what no other image has. */
  unique: number;
}

export async function usageOfStore(
  layout: Layout,
  { images, signal }: { images: readonly Digest[]; signal?: AbortSignal | undefined },
): Promise<StoreUsage> {
  const breathe = breather(signal, "count");
  const sizes = new Map<string, number>();
  let bytes = 0;
  for (const path of objectPaths(layout)) {
    await breathe();
    const size = spaceOf(lstatSync(path));
    sizes.set(basename(path), size);
    bytes += size;
  }
  const holders = new Map<string, number>();
  const objectsOf = new Map<Digest, Set<string>>();
  const names = readNames(layout);
  for (const digest of new Set([...names.map((name) => name.digest), ...images])) {
    await breathe();
    const objects = new Set<string>();
    for (const diffId of readImage(layout, digest).config.diffIds)
      for (const name of objectsOfLayer(layout, diffId)) objects.add(name);
    for (const name of objects) holders.set(name, (holders.get(name) ?? 0) + 1);
    objectsOf.set(digest, objects);
  }
  const usages = [...objectsOf].map(([digest, objects]) => {
    const usage: ImageUsage = {
      digest,
      names: names.filter((name) => name.digest === digest).map(({ name }) => name),
      bytes: 0,
      unique: 0,
    };
    for (const name of objects) {
      const size = sizes.get(name) ?? 0;
      usage.bytes += size;
      if (holders.get(name) === 1) usage.unique += size;
    }
    return usage;
  });
  const others = [layout.names, layout.images, layout.layers, layout.blobs, layout.tmp];
  const records = others.reduce((sum, dir) => sum + usageOfTree(dir).bytes, 0);
  return { objects: { count: sizes.size, bytes }, records, images: usages };
}

export interface TreeUsage {
  bytes: number;
  /** What has no link outside of the tree: removing it frees so much. */
  unique: number;
}

/** What is below `dir`, itself included, each file counted once. Nothing where there is nothing. */
export function usageOfTree(dir: string): TreeUsage {
  const usage: TreeUsage = { bytes: 0, unique: 0 };
  const seen = new Map<number, { stat: Stats; links: number }>();
  const root = Buffer.from(dir);
  const { dev } = lstatSync(dir, { throwIfNoEntry: false }) ?? {};
  const pending: Buffer[] = dev === undefined ? [] : [root];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.dev !== dev) continue;
    if (stat.isDirectory()) {
      usage.bytes += spaceOf(stat);
      usage.unique += spaceOf(stat);
      for (const name of readdirSync(path, { encoding: "buffer" }))
        pending.push(Buffer.concat([path, Buffer.from("/"), name]));
      continue;
    }
    const known = seen.get(stat.ino);
    if (known === undefined) seen.set(stat.ino, { stat, links: 1 });
    else known.links++;
  }
  for (const { stat, links } of seen.values()) {
    usage.bytes += spaceOf(stat);
    if (stat.nlink === links) usage.unique += spaceOf(stat);
  }
  return usage;
}
