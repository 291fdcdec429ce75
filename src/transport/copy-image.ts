import { Failure } from "../errors.ts";
import type { Report } from "../events.ts";
import {
  type Compress,
  convertEntry,
  convertIndex,
  convertManifest,
  planLayers,
} from "../oci/convert-manifest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, sha256 } from "../oci/digest.ts";
import { type Manifest, parseManifest } from "../oci/manifest.ts";
import { DOCKER_MANIFEST, isConfigType, type ManifestFormat } from "../oci/media-types.ts";
import type { Platform } from "../oci/platform.ts";
import { formatReference } from "../oci/reference.ts";
import type { Signature } from "../oci/signature.ts";
import { BlobCopier } from "./blob-copier.ts";
import { chooseCompression, chooseFormat, keepsNoManifest, type Route } from "./copy-limits.ts";
import type { Destination } from "./destination.ts";
import { makeDockerManifest } from "./docker-manifest.ts";
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
  /** Asked before the blobs of an image are; throws when it is not to be copied. */
  accept?: ((image: SourceManifest) => Promise<void>) | undefined;
  /** The signatures that go with what was made of a manifest of the source; for destinations that have a place for them. */
  signaturesFor?: ((from: SourceManifest, made: Digest) => Promise<readonly Signature[]>) | undefined;
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
  const { digest, mediaType } = made;
  return { digest, mediaType, sourceDigest: chosen.digest, images, blobs: blobs.counts };
}

/** A manifest as the destination will have it, its blobs being there already. */
interface Prepared {
  bytes: Buffer;
  mediaType: string;
  digest: Digest;
  /** What it was at the source. */
  from: SourceManifest;
}

class Copy {
  images = 0;
  readonly blobs: BlobCopier;
  readonly #source: Source;
  readonly #destination: Destination;
  readonly #route: Route;
  readonly #options: CopyOptions;

  constructor(source: Source, destination: Destination, options: CopyOptions) {
    this.#source = source;
    this.#destination = destination;
    this.#options = options;
    const { format, compress } = options;
    this.#route = {
      to: destination.reference.transport,
      made: source.madeManifest === true,
      format,
      compress,
    };
    this.blobs = new BlobCopier(source, destination, options);
  }

  /** Copies the blobs of a manifest, and all that an index lists. */
  async prepare(fetched: SourceManifest, depth: number): Promise<Prepared> {
    if (depth > MAX_DEPTH)
      throw new Failure("MANIFEST_INVALID", `an image index is nested more than ${MAX_DEPTH} levels deep`);
    const manifest = parseManifest(fetched.bytes, fetched.mediaType);
    const format = chooseFormat(manifest, this.#route);
    if (manifest.kind === "manifest") {
      this.images++;
      await this.#options.accept?.(fetched);
      return this.#prepareImage(manifest, { fetched, format });
    }
    const entries: Descriptor[] = [];
    for (const entry of manifest.manifests) entries.push(await this.#copyEntry(entry, depth));
    return prepared(fetched, convertIndex(manifest, { bytes: fetched.bytes, format, entries }));
  }

  /** With its signatures first, so that who sees it under its tag finds them. */
  async put({ bytes, mediaType, digest, from }: Prepared, tag: string | undefined): Promise<void> {
    const destination = this.#destination;
    const signatures = destination.putSignatures ? await this.#options.signaturesFor?.(from, digest) : [];
    if (tag !== undefined && signatures?.length) {
      await destination.putManifest(bytes, { mediaType, digest });
      await destination.putSignatures?.(digest, signatures);
    }
    await destination.putManifest(bytes, { mediaType, digest, tag });
    if (tag === undefined && signatures?.length) await destination.putSignatures?.(digest, signatures);
  }

  /** One of an index, manifest and all; the entry as it must be now. */
  async #copyEntry(entry: Descriptor, depth: number): Promise<Descriptor> {
    const { bytes, mediaType, digest } = await this.#source.manifest(entry.digest);
    if (bytes.length !== entry.size)
      throw new Failure(
        "SIZE_MISMATCH",
        `manifest ${entry.digest} has ${bytes.length} bytes, expected ${entry.size}`,
      );
    const made = await this.prepare({ bytes, mediaType: mediaType ?? entry.mediaType, digest }, depth + 1);
    await this.put(made, undefined);
    if (made.digest === entry.digest) return entry;
    const manifest = { mediaType: made.mediaType, digest: made.digest, size: made.bytes.length };
    return convertEntry(entry, { manifest, compress: this.#route.compress });
  }

  async #prepareImage(
    manifest: Manifest,
    { fetched, format }: { fetched: SourceManifest; format: ManifestFormat },
  ): Promise<Prepared> {
    const { bytes } = fetched;
    const { config } = manifest;
    const compress = chooseCompression(this.#route);
    const plans = planLayers(manifest, {
      format,
      compress,
      found: await this.blobs.lookAt(manifest, format),
    });
    const diffIds = isConfigType(config.mediaType) ? await this.blobs.putConfig(config) : [];
    if (!isConfigType(config.mediaType)) await this.blobs.putBlob(config);
    const layers = await this.blobs.putLayers(plans, diffIds);
    if (keepsNoManifest(this.#route.to))
      return prepared(fetched, { bytes: makeDockerManifest(config, layers), mediaType: DOCKER_MANIFEST });
    return prepared(fetched, convertManifest(manifest, { bytes, format, layers }));
  }
}

/** The digest that was asked for stays with the bytes that it was asked of, whatever its algorithm. */
function prepared(
  fetched: SourceManifest,
  { bytes, mediaType }: { bytes: Buffer; mediaType: string },
): Prepared {
  const digest = bytes === fetched.bytes ? fetched.digest : sha256(bytes);
  return { bytes, mediaType, digest, from: fetched };
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
