/** What each kind of destination can hold, and what that makes of a copy. Pure. */
import { Failure } from "../errors.ts";
import type { Compress } from "../oci/convert-manifest.ts";
import type { Index, Manifest } from "../oci/manifest.ts";
import { formatOf, type ManifestFormat } from "../oci/media-types.ts";
import type { Transport } from "../oci/reference.ts";

interface Limits {
  /** Of manifests, the preferred one first. */
  formats: readonly ManifestFormat[];
  /** `plain`: uncompressed ones only, and no manifest is kept. */
  layers: "any" | "plain";
  /** Blobs that it takes at the same time. */
  parallel: number;
}

const LIMITS: Record<Transport, Limits> = {
  docker: { formats: ["oci", "v2s2"], layers: "any", parallel: 3 },
  oci: { formats: ["oci"], layers: "any", parallel: 3 },
  "oci-archive": { formats: ["oci"], layers: "any", parallel: 1 },
  dir: { formats: ["oci", "v2s2"], layers: "any", parallel: 3 },
  "docker-archive": { formats: ["v2s2"], layers: "plain", parallel: 1 },
  "docker-daemon": { formats: ["v2s2"], layers: "plain", parallel: 1 },
  "containers-storage": { formats: [], layers: "any", parallel: 1 },
};

/** Between which ends, and what was asked for. `made`: the source keeps no manifest, so that there is no digest to keep. */
export interface Route {
  to: Transport;
  made: boolean;
  format: ManifestFormat | undefined;
  compress: Compress | undefined;
}

export function parallelBlobs(to: Transport): number {
  return LIMITS[to].parallel;
}

/** Whether the destination keeps no manifest: then the digest is that of the one which readers make. */
export function keepsNoManifest(to: Transport): boolean {
  return LIMITS[to].layers === "plain";
}

/** The format that the copy of a manifest will have. UNSUPPORTED, with the reason and a way out. */
export function chooseFormat(manifest: Manifest | Index, { to, made, format }: Route): ManifestFormat {
  const { formats } = LIMITS[to];
  const wanted = format ?? formatOf(manifest.mediaType);
  if (manifest.kind === "index" && keepsNoManifest(to))
    throw new Failure("UNSUPPORTED", `${to}: holds one image, not an index of images`, {
      hint: "Leave out --all; --platform says which image is meant.",
    });
  if (formats.includes(wanted)) return wanted;
  const [other] = formats;
  if (other !== undefined && format === undefined && (made || keepsNoManifest(to))) return other;
  const name = wanted === "oci" ? "OCI images" : "images in Docker's format (v2s2)";
  throw new Failure("UNSUPPORTED", `${to}: cannot hold ${name}`, {
    hint: other && `--format ${other} converts it, and so changes its digest.`,
  });
}

/** What is done to all layers, if anything: those that come uncompressed are compressed for where others fetch them from. UNSUPPORTED. */
export function chooseCompression({ to, made, compress }: Route): Compress | undefined {
  if (!keepsNoManifest(to)) return compress ?? (made && to !== "dir" ? { algorithm: "gzip" } : undefined);
  if (compress === undefined) return { algorithm: "none" };
  throw new Failure("UNSUPPORTED", `${to}: holds layers uncompressed`, { hint: "Leave out --compress." });
}
