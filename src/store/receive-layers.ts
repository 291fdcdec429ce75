import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import type { Report } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { holderOfLayer } from "./additional.ts";
import { reusedPath } from "./claims.ts";
import { copyLayer } from "./copy-layer.ts";
import { EarlySync } from "./early-sync.ts";
import { syncFileSystem } from "./files.ts";
import { LayerWorker } from "./layer-worker.ts";
import type { Layout } from "./layout.ts";
import { asNoSpace, checkSpace } from "./space.ts";

export interface ReceiveOptions {
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
 * Reads layers into `stage` and syncs them: objects below objects/, the listing of the N-th as N.listing. Objects that the store has are left
 * out. Needs no lock of the store.
 */
export async function receiveLayers(
  layout: Layout,
  { missing, stage, options }: { missing: readonly MissingLayer[]; stage: string; options: ReceiveOptions },
): Promise<void> {
  if (missing.length === 0) return;
  checkSpace(layout.store, {
    bytes: missing.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
    what: missing.length === 1 ? "a layer" : `${missing.length} layers`,
  });
  mkdirSync(join(stage, "objects"), { mode: 0o700 });
  await fetchLayers(layout, { missing, stage, options });
  syncFileSystem(stage);
}

/** Copies the layers that additional stores have; the others are read. */
async function fetchLayers(
  layout: Layout,
  { missing, stage, options }: { missing: readonly MissingLayer[]; stage: string; options: ReceiveOptions },
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
    const job = {
      diffId,
      objects: join(stage, "objects"),
      listing: join(stage, `${at}.listing`),
      reused: reusedPath(stage, at),
    };
    await copyLayer(from, layout, { job, signal });
    const { digest, size } = descriptor;
    report?.({ type: "layer", digest, size, received: size, state: "stored" });
  }
  await readLayers(layout, { queue, stage, options });
}

/** Reads all layers, each by the next worker that is free; the first failure ends all. */
async function readLayers(
  layout: Layout,
  { queue, stage, options }: { queue: [number, MissingLayer][]; stage: string; options: ReceiveOptions },
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
        reused: reusedPath(stage, at),
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
