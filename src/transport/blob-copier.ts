import { Failure } from "../errors.ts";
import type { Report } from "../events.ts";
import type { LayerPlan } from "../oci/convert-manifest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { parseImageConfig } from "../oci/image-config.ts";
import type { Manifest } from "../oci/manifest.ts";
import { formatOf, isForeignLayer, type LayerCompression, type ManifestFormat } from "../oci/media-types.ts";
import { parallelBlobs } from "./copy-limits.ts";
import type { Destination } from "./destination.ts";
import { recodeLayer } from "./recode-layer.ts";
import type { Source } from "./source.ts";

const CONFIG_LIMIT = 4 * 1024 * 1024;

interface BlobCopierOptions {
  report?: Report | undefined;
  signal?: AbortSignal | undefined;
}

/** The half of a copy that moves blobs: those that are not there yet, and those that change on the way. */
export class BlobCopier {
  /** Blobs sent, and those that were there; bytes of those sent. */
  readonly counts: { copied: number; present: number; bytes: number } = { copied: 0, present: 0, bytes: 0 };
  readonly #source: Source;
  readonly #destination: Destination;
  readonly #options: BlobCopierOptions;

  constructor(source: Source, destination: Destination, options: BlobCopierOptions) {
    this.#source = source;
    this.#destination = destination;
    this.#options = options;
  }

  /** How the layers of a manifest are compressed in truth, where their types may not say it and new types have to. */
  async lookAt(
    { layers, mediaType }: Manifest,
    format: ManifestFormat,
  ): Promise<(LayerCompression | undefined)[]> {
    if (this.#source.madeManifest === true) return layers.map(() => "none");
    if (formatOf(mediaType) === format || format === "v2s2") return [];
    const found: (LayerCompression | undefined)[] = [];
    for (const layer of layers) {
      if (isForeignLayer(layer.mediaType)) found.push(undefined);
      else found.push(await compressionFound(this.#source.blob(layer)));
    }
    return found;
  }

  /** The config of an image. Its diffIDs. */
  async putConfig(config: Descriptor): Promise<Digest[]> {
    if (config.size > CONFIG_LIMIT)
      throw new Failure(
        "MANIFEST_INVALID",
        `image config has ${config.size} bytes, more than ${CONFIG_LIMIT}`,
      );
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#source.blob(config)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const { diffIds } = parseImageConfig(bytes);
    await this.#send(config, async function* () {
      yield bytes;
    });
    return diffIds;
  }

  async #putLayer({ from, mediaType, recode }: LayerPlan, diffId: Digest | undefined): Promise<Descriptor> {
    if (recode === undefined) {
      await this.putBlob(from);
      return from.mediaType === mediaType ? from : { ...from, mediaType };
    }
    const spool = await recodeLayer(this.#source.blob(from), { compress: recode, diffId });
    try {
      const { annotations } = from;
      const layer: Descriptor = { mediaType, digest: spool.digest, size: spool.size };
      if (annotations !== undefined) layer.annotations = withoutChunks(annotations);
      await this.#send(layer, () => spool.read());
      return layer;
    } finally {
      spool.close();
    }
  }

  /** As it is. */
  async putBlob(descriptor: Descriptor): Promise<void> {
    const isElsewhere = isForeignLayer(descriptor.mediaType) && (descriptor.urls?.length ?? 0) > 0;
    if (isElsewhere && this.#destination.reference.transport === "docker") return;
    await this.#send(descriptor, () => this.#source.blob(descriptor));
  }

  async #send(descriptor: Descriptor, open: () => AsyncIterable<Uint8Array>): Promise<void> {
    const { report, signal } = this.#options;
    if (signal?.aborted === true) throw new Failure("INTERRUPTED", "interrupted");
    const { digest, size } = descriptor;
    if (await this.#destination.hasBlob(descriptor, { from: this.#source.reference })) {
      this.counts.present++;
      report?.({ type: "layer", digest, size, received: size, state: "present" });
      return;
    }
    await this.#destination.putBlob(descriptor, counted(open(), descriptor, report));
    this.counts.copied++;
    this.counts.bytes += size;
    report?.({ type: "layer", digest, size, received: size, state: "stored" });
  }

  /** Several at a time; a blob that is listed twice is sent once. The layers as they are now. */
  async putLayers(plans: LayerPlan[], diffIds: Digest[]): Promise<Descriptor[]> {
    const layers: Descriptor[] = [];
    const work = async (plan: LayerPlan, at: number): Promise<void> => {
      layers[at] = await this.#putLayer(plan, diffIds[at]);
    };
    const queue = [...plans.entries()];
    const repeated = queue.filter(
      ([at, { from }]) => plans.findIndex((p) => p.from.digest === from.digest) !== at,
    );
    const first = queue.filter((entry) => !repeated.includes(entry));
    let failure: { error: unknown } | undefined;
    const worker = async (): Promise<void> => {
      for (let next = first.shift(); next !== undefined && failure === undefined; next = first.shift())
        await work(next[1], next[0]).catch((error: unknown) => {
          failure ??= { error };
        });
    };
    await Promise.all(Array.from({ length: parallelBlobs(this.#destination.reference.transport) }, worker));
    if (failure !== undefined) throw failure.error;
    for (const [at, plan] of repeated) await work(plan, at);
    return layers;
  }
}

/** By the first bytes; the rest is not read. */
async function compressionFound(content: AsyncIterable<Uint8Array>): Promise<LayerCompression> {
  for await (const chunk of content) {
    const magic = Buffer.from(chunk.subarray(0, 4)).toString("hex");
    if (magic.startsWith("1f8b")) return "gzip";
    return magic === "28b52ffd" || /^5.2a4d18$/.test(magic) ? "zstd" : "none";
  }
  return "none";
}

/** Where zstd:chunked has its tables; they are of the blob that was. */
function withoutChunks(annotations: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(([key]) => !key.startsWith("io.github.containers.zstd-chunked.")),
  );
}

async function* counted(
  content: AsyncIterable<Uint8Array>,
  { digest, size }: Descriptor,
  report: Report | undefined,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const chunk of content) {
    received += chunk.length;
    report?.({ type: "layer", digest, size, received, state: "receiving" });
    yield chunk;
  }
}
