import { existsSync, mkdirSync, renameSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import type { Report } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { MAX_SIGNATURES } from "../oci/signature.ts";
import { holderOfLayer } from "./additional.ts";
import { copyLayer } from "./copy-layer.ts";
import { EarlySync } from "./early-sync.ts";
import { syncDirectory, syncFileSystem } from "./files.ts";
import {
  hasImage,
  hasName,
  parseImage,
  readImage,
  type StoredImage,
  writeImage,
  writeName,
} from "./image-records.ts";
import { LayerWorker } from "./layer-worker.ts";
import type { Layout } from "./layout.ts";
import { lockFile } from "./locks.ts";
import { publishObjects } from "./publish-objects.ts";
import { asNoSpace, checkSpace } from "./space.ts";
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

export interface AddOptions {
  /** The verified bytes of a layer's blob. The memory of each piece is taken away when the next is asked for. */
  blob(descriptor: Descriptor): AsyncIterable<Uint8Array>;
  report?: Report | undefined;
  signal?: AbortSignal | undefined;
  /** Stores whose layers are copied instead of read from `blob`. */
  additional?: readonly Layout[] | undefined;
  /** Most bytes that the layers of the image may unpack to. */
  limit?: number | undefined;
}

/** A layer that the store lacks. */
export interface MissingLayer {
  descriptor: Descriptor;
  diffId: Digest;
  /** Names of its objects that are damaged: they give way to what comes. */
  damaged?: readonly string[] | undefined;
}

const DEFAULT_LIMIT = 256 * 1024 ** 3;
/** A second thread is worth its start only for several layers of at least this size. */
const LARGE_LAYER = 16 * 1024 * 1024;

/**
 * Puts an image into the store and names it last. The order is what makes a crash harmless: object data is
 * synced before an object has its name, objects before the listing that needs them, listings before the
 * image, the image before its names.
 */
export async function addImage(layout: Layout, image: NewImage, options: AddOptions): Promise<StoredImage> {
  const { report, signal } = options;
  const parsed = parseImage(image, new Date().toISOString());
  await using held = new AsyncDisposableStack();
  held.use(await lockFile(layout.lock, { mode: "shared", report, signal }));
  await removeStaleStages(layout);
  const before = hasImage(layout, image.digest) ? readImage(layout, image.digest) : undefined;
  const stored = before === undefined ? parsed : withSignatures(before, parsed.signatures);
  const names = image.names.map((name) => ({ name, digest: image.digest, source: image.source }));
  const newNames = names.filter((record) => !hasName(layout, record));
  try {
    const missing = await claimMissing(layout, { image: stored, held, options });
    if (missing.length === 0 && stored === before && newNames.length === 0) return stored;
    const stage = makeStage(layout);
    held.defer(() => stage.remove());
    await receive(layout, { missing, stage: stage.dir, options });
    if (stored !== before) writeImage(layout, { image: stored, stage: stage.dir });
    for (const record of newNames) writeName(layout, { record, stage: stage.dir });
  } catch (error) {
    throw asNoSpace(error, { dir: layout.store, bytes: stored.size, what: `image ${image.digest}` });
  }
  return stored;
}

/** `image` itself when it has them all; else with the new ones first, which are never too many. */
function withSignatures(image: StoredImage, more: readonly Buffer[]): StoredImage {
  const isNew = (blob: Buffer): boolean => !image.signatures.some((other) => other.equals(blob));
  if (!more.some(isNew)) return image;
  const old = image.signatures.filter((blob) => !more.some((other) => other.equals(blob)));
  return { ...image, signatures: [...more, ...old].slice(0, MAX_SIGNATURES) };
}

/**
 * The layers that the store lacks, each locked against other pullers: a second one waits here and then finds
 * the layer present. Locks are taken in the order of diffIDs, so that two images that share layers cannot
 * wait for each other.
 */
async function claimMissing(
  layout: Layout,
  { image, held, options }: { image: StoredImage; held: AsyncDisposableStack; options: AddOptions },
): Promise<MissingLayer[]> {
  const { report, signal } = options;
  const isPresent = (diffId: Digest): boolean => existsSync(layout.layer(diffId));
  const absent = image.config.diffIds.filter((diffId) => !isPresent(diffId));
  for (const diffId of [...new Set(absent)].sort()) {
    const path = layout.layerLock(diffId);
    held.use(await lockFile(path, { mode: "exclusive", report, signal }));
    held.defer(() => unlinkSync(path));
  }
  const missing = new Map<Digest, MissingLayer>();
  image.manifest.layers.forEach((descriptor, at) => {
    const diffId = image.config.diffIds[at] as Digest;
    const { digest, size } = descriptor;
    if (isPresent(diffId)) report?.({ type: "layer", digest, size, received: size, state: "present" });
    else if (!missing.has(diffId)) missing.set(diffId, { descriptor, diffId });
  });
  return [...missing.values()];
}

/** Reads layers into the store in the order that `addImage` promises. `stage` must be empty; the caller holds the lock of the store. */
export async function receive(
  layout: Layout,
  { missing, stage, options }: { missing: MissingLayer[]; stage: string; options: AddOptions },
): Promise<void> {
  if (missing.length === 0) return;
  checkSpace(layout.store, {
    bytes: missing.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
    what: missing.length === 1 ? "a layer" : `${missing.length} layers`,
  });
  const objects = join(stage, "objects");
  mkdirSync(objects, { mode: 0o700 });
  const damaged = new Set(missing.flatMap((layer) => layer.damaged ?? []));
  await stageLayers(layout, { missing, stage, options });
  syncFileSystem(stage);
  await publishObjects(layout, { from: objects, damaged });
  syncFileSystem(layout.objects);
  for (const [at, { diffId }] of missing.entries())
    renameSync(join(stage, `${at}.listing`), layout.layer(diffId));
  syncDirectory(layout.layers);
}

/** Copies the layers that additional stores have; the others are read. */
async function stageLayers(
  layout: Layout,
  { missing, stage, options }: { missing: MissingLayer[]; stage: string; options: AddOptions },
): Promise<void> {
  const { additional = [], report, signal } = options;
  const queue: [number, MissingLayer][] = [];
  for (const [at, layer] of missing.entries()) {
    const { descriptor, diffId, damaged } = layer;
    const from = damaged === undefined ? holderOfLayer(additional, diffId) : undefined;
    if (from === undefined) {
      queue.push([at, layer]);
      continue;
    }
    const job = { diffId, objects: join(stage, "objects"), listing: join(stage, `${at}.listing`) };
    await copyLayer(from, layout, { job, signal });
    const { digest, size } = descriptor;
    report?.({ type: "layer", digest, size, received: size, state: "stored" });
  }
  await readLayers(layout, { queue, stage, options });
}

/** Reads all layers, each by the next worker that is free; the first failure ends all. */
async function readLayers(
  layout: Layout,
  { queue, stage, options }: { queue: [number, MissingLayer][]; stage: string; options: AddOptions },
): Promise<void> {
  if (queue.length === 0) return;
  const { blob, report, limit = DEFAULT_LIMIT } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  await using early = new EarlySync(stage);
  const isParallel = queue.filter(([, { descriptor }]) => descriptor.size >= LARGE_LAYER).length > 1;
  const work = async (): Promise<void> => {
    await using worker = new LayerWorker();
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [at, { descriptor, diffId, damaged }] = next;
      const { digest, size } = descriptor;
      const job = {
        diffId,
        stage: join(stage, "objects"),
        partial: join(stage, `${at}.partial`),
        listing: join(stage, `${at}.listing`),
        objects: layout.objects,
        damaged,
        limit,
      };
      let known = 0;
      const onReceived = (received: number): void => {
        early.note(received - known);
        known = received;
        report?.({ type: "layer", digest, size, received, state: "receiving" });
      };
      try {
        await worker.read(job, { source: blob(descriptor), signal, onReceived });
      } catch (error) {
        throw describe(error, { descriptor, layout });
      }
      report?.({ type: "layer", digest, size, received: size, state: "stored" });
    }
  };
  const workers = Array.from({ length: isParallel ? 2 : 1 }, async () => {
    try {
      await work();
    } catch (error) {
      failed.abort();
      throw error;
    }
  });
  await settle(workers);
  await early.end();
}

/** Waits for all, then throws the first error: the later ones only tell that all was stopped. */
async function settle(promises: Promise<void>[]): Promise<void> {
  let first: { error: unknown } | undefined;
  await Promise.all(
    promises.map((promise) =>
      promise.catch((error: unknown) => {
        first ??= { error };
      }),
    ),
  );
  if (first !== undefined) throw first.error;
}

function describe(
  error: unknown,
  { descriptor, layout }: { descriptor: Descriptor; layout: Layout },
): unknown {
  const what = `layer ${descriptor.digest}`;
  const cause = asNoSpace(error, { dir: layout.store, bytes: descriptor.size, what });
  if (!(cause instanceof Failure)) return cause;
  const { code, message, hint } = cause;
  const isSaid = [what, `blob ${descriptor.digest}`].some((start) => message.startsWith(start));
  return isSaid || code === "INTERRUPTED" || code === "NO_SPACE"
    ? cause
    : new Failure(code, `${what}: ${message}`, { hint, cause: cause.cause });
}
