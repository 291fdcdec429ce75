import { Failure } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { type ImageConfig, parseImageConfig } from "../oci/image-config.ts";
import { type Manifest, parseManifest } from "../oci/manifest.ts";
import { hostPlatform, type Platform, selectPlatform } from "../oci/platform.ts";
import { printable } from "../oci/printable.ts";
import type { Source, SourceManifest } from "./source.ts";

/** One image for one platform, everything but its layers. */
export interface ResolvedImage {
  /** Of the image's own manifest. */
  digest: Digest;
  /** Of what the reference names: an index, or the image itself. */
  namedDigest: Digest;
  manifestBytes: Buffer;
  manifest: Manifest;
  configBytes: Buffer;
  config: ImageConfig;
}

const MAX_DEPTH = 3;
const CONFIG_LIMIT = 4 * 1024 * 1024;
const CONFIG_TYPES = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
];

export interface ResolveOptions {
  /** Default: this host's. */
  platform?: Platform | undefined;
  /** Asked before anything that the image's manifest names is read; throws when the image is not to be used. */
  accept?: ((manifest: SourceManifest) => Promise<void>) | undefined;
}

/**
 * Follows what a source names through its indexes to the image for `platform` (default: this host's) and reads its config.
 * MANIFEST_INVALID for indexes nested too deep, artifacts, and layers that do not match the config; IMAGE_UNKNOWN.
 */
export async function resolveImage(
  source: Source,
  { platform = hostPlatform(), accept }: ResolveOptions = {},
): Promise<ResolvedImage> {
  const named = await source.manifest();
  const fetched = await selectImage(source, { named, platform });
  const manifest = parseManifest(fetched.bytes, fetched.mediaType) as Manifest;
  await accept?.(fetched);
  const configBytes = await readConfig(source, manifest.config);
  const config = parseImageConfig(configBytes);
  checkLayers(manifest, config);
  return {
    digest: fetched.digest,
    namedDigest: named.digest,
    manifestBytes: fetched.bytes,
    manifest,
    configBytes,
    config,
  };
}

/** The manifest of the image for `platform` (default: this host's) that an index leads to, or `named` itself. */
export async function selectImage(
  source: Source,
  { named, platform = hostPlatform() }: { named: SourceManifest; platform?: Platform | undefined },
): Promise<SourceManifest> {
  let fetched = named;
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const manifest = parseManifest(fetched.bytes, fetched.mediaType);
    if (manifest.kind === "manifest") return fetched;
    const entry = selectPlatform(manifest, platform);
    const { bytes, mediaType, digest } = await source.manifest(entry.digest);
    if (bytes.length !== entry.size)
      throw new Failure(
        "SIZE_MISMATCH",
        `manifest ${entry.digest} has ${bytes.length} bytes, expected ${entry.size}`,
      );
    fetched = { bytes, mediaType: mediaType ?? entry.mediaType, digest };
  }
  throw new Failure(
    "MANIFEST_INVALID",
    `image index ${named.digest} is nested more than ${MAX_DEPTH} levels deep`,
  );
}

async function readConfig(source: Source, descriptor: Descriptor): Promise<Buffer> {
  if (!CONFIG_TYPES.includes(descriptor.mediaType))
    throw new Failure(
      "MANIFEST_INVALID",
      `not a container image: its config is of type "${printable(descriptor.mediaType, 100)}"`,
    );
  if (descriptor.size > CONFIG_LIMIT)
    throw new Failure(
      "MANIFEST_INVALID",
      `image config has ${descriptor.size} bytes, more than ${CONFIG_LIMIT}`,
    );
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.blob(descriptor)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function checkLayers({ layers }: Manifest, { diffIds }: ImageConfig): void {
  if (layers.length === 0) throw new Failure("MANIFEST_INVALID", "the image has no layers");
  if (layers.length !== diffIds.length)
    throw new Failure(
      "MANIFEST_INVALID",
      `the manifest has ${layers.length} layers, the image config ${diffIds.length} diff_ids`,
    );
}
