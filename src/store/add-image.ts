import { existsSync, unlinkSync } from "node:fs";
import type { Report } from "../events.ts";
import { type Digest, digestHex } from "../oci/digest.ts";
import { MAX_SIGNATURES } from "../oci/signature.ts";
import { writeClaim } from "./claims.ts";
import {
  hasImage,
  hasName,
  type NameRecord,
  parseImage,
  readImage,
  type StoredImage,
  writeImage,
  writeName,
} from "./image-records.ts";
import type { Layout } from "./layout.ts";
import { lockFile } from "./locks.ts";
import { publishLayers } from "./publish-layers.ts";
import { type MissingLayer, type ReceiveOptions, receiveLayers } from "./receive-layers.ts";
import { asNoSpace } from "./space.ts";
import { makeStage, removeStaleStages } from "./stage.ts";

/** An image to be put in: manifest and config as they came, and the names it is to have. */
export interface NewImage {
  manifestBytes: Buffer;
  configBytes: Buffer;
  digest: Digest;
  names: string[];
  /** The reference it comes from; kept with its names. */
  source?: string | undefined;
  /** Kept with those that the store has of it. */
  signatures?: readonly Buffer[] | undefined;
}

/**
 * Puts an image into the store and names it last. The order is what makes a crash harmless: object data is
 * synced before an object has its name, objects before the listing that needs them, listings before the
 * image, the image before its names. The store is locked to claim and to publish, not while layers come.
 */
export async function addImage(
  layout: Layout,
  image: NewImage,
  options: ReceiveOptions,
): Promise<StoredImage> {
  const { report, signal } = options;
  const parsed = parseImage(image, new Date().toISOString());
  await using held = new AsyncDisposableStack();
  await removeStaleStages(layout);
  const unchanged = await findUnchanged(layout, { image, parsed, options });
  if (unchanged !== undefined) return unchanged;
  try {
    const { stage, missing } = await claimLayers(layout, { image: parsed, held, options });
    await receiveLayers(layout, { missing, stage, options });
    using _ = await lockFile(layout.lock, { mode: "shared", report, signal });
    await publishLayers(layout, { layers: layersOf(parsed), missing, stage, options });
    return writeRecords(layout, { image, parsed, stage });
  } catch (error) {
    throw asNoSpace(error, { dir: layout.store, bytes: parsed.size, what: `image ${image.digest}` });
  }
}

/** The image, when there is nothing to do for it. */
async function findUnchanged(
  layout: Layout,
  { image, parsed, options }: { image: NewImage; parsed: StoredImage; options: ReceiveOptions },
): Promise<StoredImage | undefined> {
  const { report, signal } = options;
  if (newNames(layout, image).length > 0) return undefined;
  using _ = await lockFile(layout.lock, { mode: "shared", report, signal });
  const { stored, isNew } = mergeRecord(layout, parsed);
  const layers = layersOf(parsed);
  const isMissing = layers.some(({ diffId }) => !existsSync(layout.layer(diffId)));
  if (isNew || isMissing || newNames(layout, image).length > 0) return undefined;
  reportPresent(layers, report);
  return stored;
}

/** The image, where it is new or has new signatures, then its names. */
function writeRecords(
  layout: Layout,
  { image, parsed, stage }: { image: NewImage; parsed: StoredImage; stage: string },
): StoredImage {
  const { stored, isNew } = mergeRecord(layout, parsed);
  if (isNew) writeImage(layout, { image: stored, stage });
  for (const record of newNames(layout, image)) writeName(layout, { record, stage });
  return stored;
}

function mergeRecord(layout: Layout, parsed: StoredImage): { stored: StoredImage; isNew: boolean } {
  if (!hasImage(layout, parsed.digest)) return { stored: parsed, isNew: true };
  const before = readImage(layout, parsed.digest);
  const stored = withSignatures(before, parsed.signatures);
  return { stored, isNew: stored !== before };
}

function newNames(layout: Layout, { names, digest, source }: NewImage): NameRecord[] {
  return names.map((name) => ({ name, digest, source })).filter((record) => !hasName(layout, record));
}

/** `image` itself when it has them all; else with the new ones first, which are never too many. */
function withSignatures(image: StoredImage, more: readonly Buffer[]): StoredImage {
  const isNew = (blob: Buffer): boolean => !image.signatures.some((other) => other.equals(blob));
  if (!more.some(isNew)) return image;
  const old = image.signatures.filter((blob) => !more.some((other) => other.equals(blob)));
  return { ...image, signatures: [...more, ...old].slice(0, MAX_SIGNATURES) };
}

/**
 * The layers that the store lacks, each locked against other pullers: a second one waits here and then finds the layer present. Locks are taken in
 * the order of diffIDs, so that two images that share layers cannot wait for each other. The stage says what of the store the image relies on.
 */
async function claimLayers(
  layout: Layout,
  { image, held, options }: { image: StoredImage; held: AsyncDisposableStack; options: ReceiveOptions },
): Promise<{ stage: string; missing: MissingLayer[] }> {
  const { report, signal } = options;
  const layers = layersOf(image);
  const isPresent = ({ diffId }: MissingLayer): boolean => existsSync(layout.layer(diffId));
  for (;;) {
    await using locks = new AsyncDisposableStack();
    const locked = new Set<Digest>();
    for (const layer of layers.toSorted((a, b) => (a.diffId < b.diffId ? -1 : 1))) {
      if (isPresent(layer)) continue;
      const path = layout.layerLock(layer.diffId);
      locks.use(await lockFile(path, { mode: "exclusive", report, signal }));
      locks.defer(() => unlinkSync(path));
      locked.add(layer.diffId);
    }
    using _ = await lockFile(layout.lock, { mode: "shared", report, signal });
    const [present, missing] = [layers.filter(isPresent), layers.filter((layer) => !isPresent(layer))];
    if (!missing.every(({ diffId }) => locked.has(diffId))) continue; // one was pruned just now
    held.use(locks.move());
    const stage = makeStage(layout);
    held.defer(() => stage.remove());
    const blobs = layers.map(({ descriptor }) => digestHex(descriptor.digest));
    writeClaim(stage.dir, { layers: present.map(({ diffId }) => digestHex(diffId)), blobs });
    reportPresent(present, report);
    return { stage: stage.dir, missing };
  }
}

function reportPresent(layers: readonly MissingLayer[], report: Report | undefined): void {
  for (const { descriptor } of layers) {
    const { digest, size } = descriptor;
    report?.({ type: "layer", digest, size, received: size, state: "present" });
  }
}

/** Each once. */
function layersOf({ manifest, config }: StoredImage): MissingLayer[] {
  const layers = new Map<Digest, MissingLayer>();
  manifest.layers.forEach((descriptor, at) => {
    const diffId = config.diffIds[at] as Digest;
    if (!layers.has(diffId)) layers.set(diffId, { descriptor, diffId });
  });
  return [...layers.values()];
}
