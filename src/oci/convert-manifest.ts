/** From one manifest to the one that a copy is to have. Pure. */
import { Failure } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import { asObject, parseJson } from "./json.ts";
import type { Index, Manifest } from "./manifest.ts";
import {
  compressionOf,
  DOCKER_CONFIG,
  formatOf,
  isConfigType,
  isForeignLayer,
  type LayerCompression,
  layerType,
  type ManifestFormat,
  manifestTypeOf,
  OCI_CONFIG,
} from "./media-types.ts";
import { printable } from "./printable.ts";

export interface Compress {
  algorithm: LayerCompression;
  /** As the algorithm counts them; default its own. A layer that is compressed so already is then compressed again. */
  level?: number;
}

/** What becomes of one layer. */
export interface LayerPlan {
  from: Descriptor;
  /** The type it will have. */
  mediaType: string;
  /** Set when the blob itself changes, and with it its digest. */
  recode?: Compress;
}

/** Marks the zstd images of an index, for readers that know zstd. */
const ZSTD_ANNOTATION = "io.github.containers.compression.zstd";

/**
 * What becomes of the layers. `found` is how each is compressed in truth, where that was looked at: Docker's type for a gzip layer stands on
 * others too. UNSUPPORTED, with the reason, when the format cannot hold the result.
 */
export function planLayers(
  { mediaType, layers }: Manifest,
  {
    format,
    compress,
    found = [],
  }: {
    format: ManifestFormat;
    compress?: Compress | undefined;
    found?: readonly (LayerCompression | undefined)[];
  },
): LayerPlan[] {
  const isConverted = formatOf(mediaType) !== format;
  return layers.map((layer, at) => {
    const said = compressionOf(layer.mediaType);
    const current = said && (found[at] ?? said);
    if (current === undefined) {
      if (!isConverted) return { from: layer, mediaType: layer.mediaType };
      throw new Failure(
        "UNSUPPORTED",
        `a layer of type ${printable(layer.mediaType, 100)} cannot be converted`,
      );
    }
    const foreign = isForeignLayer(layer.mediaType);
    const target = foreign ? current : (compress?.algorithm ?? current);
    const type = layerType(target, { format, foreign });
    if (type === undefined)
      throw new Failure(
        "UNSUPPORTED",
        `Docker's format (v2s2) cannot hold layers compressed with ${target}`,
        {
          hint: "Ask for --format oci, or --compress gzip.",
        },
      );
    const isRecoded = target !== current || (!foreign && compress?.level !== undefined);
    if (isRecoded) return { from: layer, mediaType: type, recode: compress ?? { algorithm: target } };
    return { from: layer, mediaType: isConverted ? type : layer.mediaType };
  });
}

/** The manifest with these layers in this format; the very same bytes when nothing changes. UNSUPPORTED. */
export function convertManifest(
  manifest: Manifest,
  { bytes, format, layers }: { bytes: Buffer; format: ManifestFormat; layers: readonly Descriptor[] },
): { bytes: Buffer; mediaType: string } {
  const { mediaType } = manifest;
  const isConverted = formatOf(mediaType) !== format;
  const isSame = layers.every((layer, at) => {
    const before = manifest.layers[at];
    return layer.digest === before?.digest && layer.mediaType === before.mediaType;
  });
  if (!isConverted && isSame) return { bytes, mediaType };
  const body = asObject(parseJson(bytes, "manifest"), "manifest");
  const type = manifestTypeOf("manifest", format);
  const config = asObject(body["config"], "config");
  if (isConverted && !isConfigType(manifest.config.mediaType))
    throw new Failure(
      "UNSUPPORTED",
      `an artifact of type ${printable(manifest.config.mediaType, 100)} has no other format`,
    );
  const configType = isConverted
    ? format === "oci"
      ? OCI_CONFIG
      : DOCKER_CONFIG
    : manifest.config.mediaType;
  const converted = {
    ...(format === "oci" ? body : { schemaVersion: 2 }),
    mediaType: type,
    config: { ...plainDescriptor(config, format), mediaType: configType },
    layers: layers.map((layer) => plainDescriptor({ ...layer }, format)),
  };
  return { bytes: Buffer.from(JSON.stringify(converted)), mediaType: type };
}

/** The index with these entries in this format; the very same bytes when nothing changes. */
export function convertIndex(
  index: Index,
  { bytes, format, entries }: { bytes: Buffer; format: ManifestFormat; entries: readonly Descriptor[] },
): { bytes: Buffer; mediaType: string } {
  const isSame = entries.every(({ digest }, at) => digest === index.manifests[at]?.digest);
  if (isSame && formatOf(index.mediaType) === format) return { bytes, mediaType: index.mediaType };
  const body = asObject(parseJson(bytes, "manifest"), "manifest");
  const type = manifestTypeOf("index", format);
  const converted = {
    ...(format === "oci" ? body : { schemaVersion: 2 }),
    mediaType: type,
    manifests: entries.map((entry) => plainDescriptor({ ...entry }, format)),
  };
  return { bytes: Buffer.from(JSON.stringify(converted)), mediaType: type };
}

/** An entry of an index that now means another manifest. */
export function convertEntry(
  { platform, annotations = {} }: Descriptor,
  {
    manifest,
    compress,
  }: { manifest: Pick<Descriptor, "digest" | "mediaType" | "size">; compress?: Compress | undefined },
): Descriptor {
  const { [ZSTD_ANNOTATION]: _, ...others } = annotations;
  const marked = compress?.algorithm === "zstd" ? { ...others, [ZSTD_ANNOTATION]: "true" } : others;
  const kept = compress === undefined ? annotations : marked;
  return {
    ...manifest,
    ...(platform === undefined ? {} : { platform }),
    ...(Object.keys(kept).length === 0 ? {} : { annotations: { ...kept } }),
  };
}

/** Docker's descriptors have no annotations, and embedded content would be that of before. */
function plainDescriptor(
  descriptor: Record<string, unknown>,
  format: ManifestFormat,
): Record<string, unknown> {
  const { data: _, annotations, artifactType, ...rest } = descriptor;
  if (format === "v2s2") return rest;
  return {
    ...rest,
    ...(annotations === undefined ? {} : { annotations }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}
