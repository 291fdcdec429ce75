/**
 * berth as a library: container images by reference, from and to every transport, each byte checked by its digest.
 *
 *   const source = await openSource(parseReference("docker://quay.io/coreos/etcd:v3.5.9"));
 *   const destination = await openDestination(parseReference("oci:/srv/images:etcd"));
 *   try { await copy({ source, destination }); } finally { await destination.close(); await source.close(); }
 *
 * Registries, mirrors, credentials and certificates are those of /etc/containers, as for podman and skopeo. What fails for a reason that a user
 * can act on is a `Failure` with a stable `code`. Nothing here installs: that is the command `berth`. See examples/copy.ts.
 */
export { type Code, causesOf, Failure, isFailure } from "./errors.ts";
export type { Event, Report } from "./events.ts";
export type { Compress } from "./oci/convert-manifest.ts";
export type { Descriptor } from "./oci/descriptor.ts";
export { type Digest, isDigest } from "./oci/digest.ts";
export type { ExecConfig, ImageConfig } from "./oci/image-config.ts";
export { type Index, type Manifest, parseManifest } from "./oci/manifest.ts";
export type { ManifestFormat } from "./oci/media-types.ts";
export { hostPlatform, type Platform, parsePlatform } from "./oci/platform.ts";
export {
  type DaemonReference,
  type DirectoryReference,
  type DockerArchiveReference,
  formatReference,
  type LayoutReference,
  parseReference,
  type Reference,
  type RegistryReference,
  type StorageReference,
  type Transport,
} from "./oci/reference.ts";
export type { AccessOptions as RegistryOptions } from "./registry/open-client.ts";
export { Registry } from "./registry/open-registry.ts";
export { type Copied, type CopyEnds, type CopyOptions, copyImage as copy } from "./transport/copy-image.ts";
export {
  type Destination,
  type DestinationOptions,
  openDestination,
  type PutManifestOptions,
} from "./transport/destination.ts";
export { type ResolvedImage, resolveImage } from "./transport/resolve-image.ts";
export { openSource, type Source, type SourceManifest, type SourceOptions } from "./transport/source.ts";
