/** Media types of images in the two formats, and how one stands for the other. */
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "./manifest.ts";

export { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST };

/** OCI, or Docker's "image manifest version 2, schema 2". */
export type ManifestFormat = "oci" | "v2s2";
export type LayerCompression = "none" | "gzip" | "zstd";

export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
export const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
/** Docker's type for a layer, compressed or not: readers look at the bytes. */
export const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const DOCKER_PLAIN_LAYER = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const OCI_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar";

export function formatOf(manifestType: string): ManifestFormat {
  return manifestType === DOCKER_MANIFEST || manifestType === DOCKER_LIST ? "v2s2" : "oci";
}

/** The type of the same document in the other format. */
export function manifestTypeOf(kind: "manifest" | "index", format: ManifestFormat): string {
  if (kind === "index") return format === "oci" ? OCI_INDEX : DOCKER_LIST;
  return format === "oci" ? OCI_MANIFEST : DOCKER_MANIFEST;
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG;
}

/** What a layer's type says of its compression; undefined when it is no layer that berth knows. */
export function compressionOf(mediaType: string): LayerCompression | undefined {
  const [, suffix] =
    /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[+.](gzip|zstd))?$/.exec(
      mediaType,
    ) ?? [undefined, "unknown"];
  if (suffix === "unknown") return undefined;
  return (suffix ?? "none") as LayerCompression;
}

/** Whether the layer is one that may not be passed on: its content stays where its URLs say. */
export function isForeignLayer(mediaType: string): boolean {
  return mediaType === DOCKER_FOREIGN_LAYER || mediaType.startsWith(OCI_FOREIGN_LAYER);
}

/** The type of a layer of this compression; undefined when the format has none (zstd in v2s2). */
export function layerType(
  compression: LayerCompression,
  { format, foreign = false }: { format: ManifestFormat; foreign?: boolean },
): string | undefined {
  if (format === "oci") {
    const base = foreign ? OCI_FOREIGN_LAYER : OCI_LAYER;
    return compression === "none" ? base : `${base}+${compression}`;
  }
  if (compression === "zstd") return undefined;
  if (foreign) return DOCKER_FOREIGN_LAYER;
  return compression === "none" ? DOCKER_PLAIN_LAYER : DOCKER_LAYER;
}
