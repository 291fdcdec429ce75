import { basename } from "node:path";
import type { Digest } from "../oci/digest.ts";
import { digestHex } from "../oci/digest.ts";
import { checkObject } from "./check-object.ts";
import { breather } from "./files.ts";
import { type HashOptions, hashObjects } from "./hash-objects.ts";
import { entriesOf, type StoredImage } from "./image-records.ts";
import type { Layout } from "./layout.ts";
import { type LockOptions, lockToRead } from "./locks.ts";
import { objectPaths, objectsOfLayer } from "./prune.ts";
import { type DamagedRecord, digestOfFile, readRecords, reasonOf } from "./read-records.ts";

/** A file of the store that is not what it should be. */
export interface StoreDamage extends DamagedRecord {
  /** Images that need it: by name, or by digest where they have none. */
  images: string[];
}

export interface VerifiedStore {
  names: number;
  images: number;
  layers: number;
  objects: number;
  /** Of objects, read. */
  bytes: number;
  damaged: StoreDamage[];
}

export type VerifyOptions = HashOptions &
  Pick<LockOptions, "report"> & {
    /** Only what these images need. Default: all that is in the store, needed or not. */
    only?: ReadonlySet<Digest> | undefined;
    /** Images that must be there although no name may mean them, such as those of deployments. */
    required?: readonly Digest[] | undefined;
  };

/**
 * Reads the whole store and says what is damaged or missing: names, images, listings, objects. Holds no lock while it reads, since that may take
 * hours; what it finds is looked at again under the lock, because something may have been pruned meanwhile.
 */
export async function verifyStore(layout: Layout, options: VerifyOptions): Promise<VerifiedStore> {
  const { only, report, signal } = options;
  const first = await readIndex(layout, options);
  const names = new Set(first.wanted);
  if (only === undefined) for (const path of objectPaths(layout)) names.add(basename(path));
  const { bytes, damaged } = await hashObjects(layout.objects, [...names], options);
  using _ = await lockToRead(layout.lock, { report, signal });
  const again = damaged.size + first.damaged.length === 0 ? first : await readIndex(layout, options);
  const objects: DamagedRecord[] = [];
  for (const name of damaged.keys()) {
    const reason = checkObject(layout.objects, name);
    if (reason === undefined || (reason === "it is missing" && !again.wanted.has(name))) continue;
    objects.push({ what: "object", key: name, path: layout.object(name), reason });
  }
  const counts = { names: first.names, images: first.images.length, layers: first.layers };
  const all = [...again.damaged, ...objects];
  return { ...counts, objects: names.size, bytes, damaged: nameImages(layout, all, again) };
}

interface Index {
  names: number;
  namesOf: ReadonlyMap<Digest, string[]>;
  images: StoredImage[];
  layers: number;
  /** Names of the objects that the images are made of. */
  wanted: Set<string>;
  damaged: DamagedRecord[];
}

async function readIndex(layout: Layout, { only, required, signal }: VerifyOptions): Promise<Index> {
  const records = readRecords(layout, required);
  const isWanted = (digest: Digest): boolean => only?.has(digest) ?? true;
  const images = records.images.filter(({ digest }) => isWanted(digest));
  const damaged = records.damaged.filter(({ what, key }) =>
    what === "image" ? isWanted(digestOfFile(key)) : only === undefined,
  );
  const wanted = new Set<string>();
  const diffIds = new Set(images.flatMap(({ config }) => config.diffIds));
  if (only === undefined) for (const file of entriesOf(layout.layers)) diffIds.add(digestOfFile(file));
  const breathe = breather(signal, "check of the listings");
  for (const diffId of diffIds) {
    await breathe();
    const found = tryLayer(layout, diffId);
    if (Array.isArray(found)) for (const name of found) wanted.add(name);
    else {
      const path = layout.layer(diffId);
      damaged.push({ what: "layer", key: digestHex(diffId), path, reason: found.reason });
    }
  }
  const { names, namesOf } = records;
  return { names, namesOf, images, layers: diffIds.size, wanted, damaged };
}

/** Names of the objects that a layer brings, or what is wrong with its listing. */
function tryLayer(layout: Layout, diffId: Digest): string[] | { reason: string } {
  try {
    return [...objectsOfLayer(layout, diffId)];
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

/** Says for each what needs it: a layer's listing its images, an object the images of each layer that brings it. */
function nameImages(
  layout: Layout,
  damaged: readonly DamagedRecord[],
  { images, namesOf }: Index,
): StoreDamage[] {
  if (damaged.length === 0) return [];
  const layersOf = layersOfObjects(layout, new Set(damaged.filter(isObject).map(({ key }) => key)), images);
  return damaged.map((record) => {
    const digests = images
      .filter(({ digest, config }) => {
        const layers = config.diffIds.map(digestHex);
        if (record.what === "image") return digestHex(digest) === record.key.replace(/\.json$/, "");
        if (record.what === "layer") return layers.includes(record.key);
        return record.what === "object" && layers.some((layer) => layersOf.get(record.key)?.has(layer));
      })
      .map(({ digest }) => digest);
    if (record.what === "image") digests.push(digestOfFile(record.key));
    return { ...record, images: digests.flatMap((digest) => namesOf.get(digest) ?? [digest]).sort() };
  });
}

function isObject({ what }: DamagedRecord): boolean {
  return what === "object";
}

/** Name of an object to the layers (hex of the diffID) of `images` whose listings have it. */
export function layersOfObjects(
  layout: Layout,
  objects: ReadonlySet<string>,
  images: readonly StoredImage[],
): Map<string, Set<string>> {
  const layersOf = new Map<string, Set<string>>([...objects].map((name) => [name, new Set()]));
  if (objects.size === 0) return layersOf;
  for (const diffId of new Set(images.flatMap(({ config }) => config.diffIds))) {
    const found = tryLayer(layout, diffId);
    for (const name of Array.isArray(found) ? found : []) layersOf.get(name)?.add(digestHex(diffId));
  }
  return layersOf;
}
