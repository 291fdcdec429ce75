import { Failure } from "../errors.ts";
import type { Report } from "../events.ts";
import {
  type Compress,
  convertEntry,
  convertIndex,
  convertManifest,
  type LayerPlan,
  planLayers,
} from "../oci/convert-manifest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { sha256 } from "../oci/digest.ts";
import { parseImageConfig } from "../oci/image-config.ts";
import { type Index, type Manifest, parseManifest } from "../oci/manifest.ts";
import {
  DOCKER_MANIFEST,
  formatOf,
  isConfigType,
  isForeignLayer,
  type LayerCompression,
  type ManifestFormat,
} from "../oci/media-types.ts";
import type { Platform } from "../oci/platform.ts";
import { formatReference, type Transport } from "../oci/reference.ts";
import type { Destination } from "./destination.ts";
import { makeDockerManifest } from "./docker-manifest.ts";
import { recodeLayer } from "./recode-layer.ts";
import { selectImage } from "./resolve-image.ts";
import type { Source, SourceManifest } from "./source.ts";

export interface CopyOptions {
  /** Of an index: the image for this platform; default this host's. */
  platform?: Platform | undefined;
  /** Of an index: all its images, and the index itself. */
  all?: boolean | undefined;
  /** The format that the copy must have; default: the one it has, so that its digest stays. */
  format?: ManifestFormat | undefined;
  /** How its layers must be compressed; default: as they are. */
  compress?: Compress | undefined;
  report?: Report | undefined;
  signal?: AbortSignal | undefined;
}

export interface CopyEnds {
  source: Source;
  destination: Destination;
}

export interface Copied {
  /** Of what the destination's name now means. */
  digest: Digest;
  mediaType: string;
  /** Of what was copied; another than `digest` when it was converted. */
  sourceDigest: Digest;
  /** Images, the index not counted. */
  images: number;
  /** Blobs sent, and those that were there; `bytes` of those sent. */
  blobs: { copied: number; present: number; bytes: number };
}

/** What each kind of destination can hold. */
const HOLDS: Record<
  Transport,
  { formats: readonly ManifestFormat[]; layers: "any" | "plain"; parallel: number }
> = {
  docker: { formats: ["oci", "v2s2"], layers: "any", parallel: 3 },
  oci: { formats: ["oci"], layers: "any", parallel: 3 },
  "oci-archive": { formats: ["oci"], layers: "any", parallel: 1 },
  dir: { formats: ["oci", "v2s2"], layers: "any", parallel: 3 },
  "docker-archive": { formats: ["v2s2"], layers: "plain", parallel: 1 },
  "docker-daemon": { formats: ["v2s2"], layers: "plain", parallel: 1 },
  "containers-storage": { formats: [], layers: "any", parallel: 1 },
};
const CONFIG_LIMIT = 4 * 1024 * 1024;
const MAX_DEPTH = 3;

/**
 * Copies what `source` names: blobs that are not there yet, then manifests, then the name. The digest stays unless a conversion is asked
 * for, or one of the two ends keeps no manifests (docker-archive, docker-daemon, containers-storage). Neither end is closed;
 * `destination` is committed. UNSUPPORTED, with the reason, when the destination cannot hold the image as it is.
 */
export async function copyImage(ends: CopyEnds, options: CopyOptions = {}): Promise<Copied> {
  const { reference } = ends.destination;
  const copied = await putImage(ends, { ...options, tag: "tag" in reference ? reference.tag : undefined });
  await ends.destination.commit();
  return copied;
}

/** As copyImage, for one of several images of a destination: under `tag`, and not committed. */
export async function putImage(
  { source, destination }: CopyEnds,
  { tag, ...options }: CopyOptions & { tag?: string | undefined },
): Promise<Copied> {
  const copy = new Copy(source, destination, options);
  const named = await source.manifest();
  const { all, platform } = options;
  const chosen = all === true ? named : await selectImage(source, { named, platform });
  const made = await copy.prepare(chosen, 0);
  checkExpected(destination, made.digest);
  await copy.put(made, tag);
  const { images, blobs } = copy;
  return { digest: made.digest, mediaType: made.mediaType, sourceDigest: chosen.digest, images, blobs };
}

/** A manifest as the destination will have it, its blobs being there already. */
interface Prepared {
  bytes: Buffer;
  mediaType: string;
  digest: Digest;
}

class Copy {
  images = 0;
  readonly blobs = { copied: 0, present: 0, bytes: 0 };
  readonly #source: Source;
  readonly #destination: Destination;
  readonly #options: CopyOptions;

  constructor(source: Source, destination: Destination, options: CopyOptions) {
    this.#source = source;
    this.#destination = destination;
    this.#options = options;
  }

  /** Copies the blobs of a manifest, and all that an index lists. */
  async prepare(fetched: SourceManifest, depth: number): Promise<Prepared> {
    if (depth > MAX_DEPTH)
      throw new Failure("MANIFEST_INVALID", `an image index is nested more than ${MAX_DEPTH} levels deep`);
    const manifest = parseManifest(fetched.bytes, fetched.mediaType);
    const format = this.#formatFor(manifest);
    if (manifest.kind === "index")
      return this.#prepareIndex(manifest, { bytes: fetched.bytes, format, depth });
    this.images++;
    return this.#prepareImage(manifest, { bytes: fetched.bytes, format });
  }

  put({ bytes, mediaType, digest }: Prepared, tag: string | undefined): Promise<void> {
    return this.#destination.putManifest(bytes, { mediaType, digest, tag });
  }

  async #prepareIndex(
    index: Index,
    { bytes, format, depth }: { bytes: Buffer; format: ManifestFormat; depth: number },
  ): Promise<Prepared> {
    const entries: Descriptor[] = [];
    for (const entry of index.manifests) {
      const { bytes: child, mediaType, digest } = await this.#source.manifest(entry.digest);
      if (child.length !== entry.size)
        throw new Failure(
          "SIZE_MISMATCH",
          `manifest ${entry.digest} has ${child.length} bytes, expected ${entry.size}`,
        );
      const made = await this.prepare(
        { bytes: child, mediaType: mediaType ?? entry.mediaType, digest },
        depth + 1,
      );
      await this.put(made, undefined);
      const manifest = { mediaType: made.mediaType, digest: made.digest, size: made.bytes.length };
      entries.push(
        made.digest === entry.digest
          ? entry
          : convertEntry(entry, { manifest, compress: this.#options.compress }),
      );
    }
    return prepared(convertIndex(index, { bytes, format, entries }));
  }

  async #prepareImage(
    manifest: Manifest,
    { bytes, format }: { bytes: Buffer; format: ManifestFormat },
  ): Promise<Prepared> {
    const plans = planLayers(manifest, {
      format,
      compress: this.#compress(),
      found: await this.#lookAt(manifest, format),
    });
    const { config } = manifest;
    const diffIds = isConfigType(config.mediaType) ? await this.#putConfig(config) : [];
    if (!isConfigType(config.mediaType)) await this.#putBlob(config);
    const layers: Descriptor[] = [];
    await this.#inParallel(plans, async (plan, at) => {
      layers[at] = await this.#putLayer(plan, diffIds[at]);
    });
    if (this.#isPlain)
      return prepared({ bytes: makeDockerManifest(config, layers), mediaType: DOCKER_MANIFEST });
    return prepared(convertManifest(manifest, { bytes, format, layers }));
  }

  /** How layers are compressed, where their types may not say it or a new type has to. */
  async #lookAt(manifest: Manifest, format: ManifestFormat): Promise<(LayerCompression | undefined)[]> {
    const { layers, mediaType } = manifest;
    if (this.#source.madeManifest === true) return layers.map(() => "none");
    if (formatOf(mediaType) === format || format === "v2s2") return [];
    const found: (LayerCompression | undefined)[] = [];
    for (const layer of layers) {
      if (isForeignLayer(layer.mediaType)) found.push(undefined);
      else found.push(await compressionFound(this.#source.blob(layer)));
    }
    return found;
  }

  /** Whether the destination keeps no manifest: then the digest is that of the one which readers make. */
  get #isPlain(): boolean {
    return HOLDS[this.#destination.reference.transport].layers === "plain";
  }

  /** The format that the copy will have. */
  #formatFor(manifest: Manifest | Index): ManifestFormat {
    const { transport } = this.#destination.reference;
    const { formats } = HOLDS[transport];
    const current = formatOf(manifest.mediaType);
    const wanted = this.#options.format ?? current;
    if (manifest.kind === "index" && this.#isPlain)
      throw new Failure("UNSUPPORTED", `${transport}: holds one image, not an index of images`, {
        hint: "Leave out --all; --platform says which image is meant.",
      });
    if (formats.includes(wanted)) return wanted;
    const keepsNoDigest = this.#source.madeManifest === true || this.#isPlain;
    const [other] = formats;
    if (other !== undefined && this.#options.format === undefined && keepsNoDigest) return other;
    const name = wanted === "oci" ? "OCI images" : "images in Docker's format (v2s2)";
    throw new Failure("UNSUPPORTED", `${transport}: cannot hold ${name}`, {
      hint: other && `--format ${other} converts it, and so changes its digest.`,
    });
  }

  /** Layers that come uncompressed are compressed for where others fetch them from. */
  #compress(): Compress | undefined {
    const { transport } = this.#destination.reference;
    const { compress } = this.#options;
    if (this.#isPlain) {
      if (compress === undefined) return { algorithm: "none" };
      throw new Failure("UNSUPPORTED", `${transport}: holds layers uncompressed`, {
        hint: "Leave out --compress.",
      });
    }
    if (compress !== undefined) return compress;
    return this.#source.madeManifest === true && transport !== "dir" ? { algorithm: "gzip" } : undefined;
  }

  /** Its diffIDs. */
  async #putConfig(config: Descriptor): Promise<Digest[]> {
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
      await this.#putBlob(from);
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

  async #putBlob(descriptor: Descriptor): Promise<void> {
    const isElsewhere = isForeignLayer(descriptor.mediaType) && (descriptor.urls?.length ?? 0) > 0;
    if (isElsewhere && this.#destination.reference.transport === "docker") return;
    await this.#send(descriptor, () => this.#source.blob(descriptor));
  }

  async #send(descriptor: Descriptor, open: () => AsyncIterable<Uint8Array>): Promise<void> {
    const { report, signal } = this.#options;
    if (signal?.aborted === true) throw new Failure("INTERRUPTED", "interrupted");
    const { digest, size } = descriptor;
    if (await this.#destination.hasBlob(descriptor, { from: this.#source.reference })) {
      this.blobs.present++;
      report?.({ type: "layer", digest, size, received: size, state: "present" });
      return;
    }
    await this.#destination.putBlob(descriptor, counted(open(), descriptor, report));
    this.blobs.copied++;
    this.blobs.bytes += size;
    report?.({ type: "layer", digest, size, received: size, state: "stored" });
  }

  /** A blob that is listed twice is sent once. */
  async #inParallel(plans: LayerPlan[], work: (plan: LayerPlan, at: number) => Promise<void>): Promise<void> {
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
    const { parallel } = HOLDS[this.#destination.reference.transport];
    await Promise.all(Array.from({ length: parallel }, worker));
    if (failure !== undefined) throw failure.error;
    for (const [at, plan] of repeated) await work(plan, at);
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

function prepared({ bytes, mediaType }: { bytes: Buffer; mediaType: string }): Prepared {
  return { bytes, mediaType, digest: sha256(bytes) };
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

function checkExpected({ reference }: Destination, digest: Digest): void {
  const wanted = reference.transport === "docker" ? reference.digest : undefined;
  if (wanted === undefined || wanted === digest) return;
  throw new Failure(
    "DIGEST_MISMATCH",
    `${formatReference(reference)} cannot be made: the image is ${digest}`,
    {
      hint: "Name the destination by a tag.",
    },
  );
}
