import { Failure } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import type { Signature } from "../oci/signature.ts";
import type { SourceOptions } from "./source.ts";

/**
 * Where one image goes to. Blobs first, then manifests from the inside out, the one that gets the tag last; then `commit`.
 * Close it always: it may hold connections and temporary files.
 */
export interface Destination {
  readonly reference: Reference;
  /** Whether the blob is there already, or could be mounted from `from`, a repository of the same registry. */
  hasBlob(descriptor: Descriptor, options?: { from?: Reference | undefined }): Promise<boolean>;
  /** Stores a blob that is not there. `content` is verified by the caller's stream: when it throws, nothing stays. */
  putBlob(descriptor: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** Stores a manifest or an index whose blobs are all there; without `tag` by its digest only. */
  putManifest(bytes: Uint8Array, options: PutManifestOptions): Promise<void>;
  /** Adds signatures to a manifest that was put; without it there is no place for them. */
  putSignatures?(digest: Digest, signatures: readonly Signature[]): Promise<void>;
  /** Makes it whole (archives are renamed into place here); nothing is visible before. */
  commit(): Promise<void>;
  /** Removes what was not committed; idempotent. */
  close(): Promise<void>;
}

export interface PutManifestOptions {
  mediaType: string;
  digest: Digest;
  tag?: string | undefined;
}

export type DestinationOptions = SourceOptions;

/** Opens what a reference names for writing; nothing is sent yet. CONFIG_INVALID, DENIED from registries.conf. */
export async function openDestination(
  reference: Reference,
  options: DestinationOptions = {},
): Promise<Destination> {
  switch (reference.transport) {
    case "docker": {
      const { RegistryDestination } = await import("./registry-destination.ts");
      return await RegistryDestination.open(reference, options);
    }
    case "oci":
    case "oci-archive": {
      const { LayoutDestination } = await import("./layout-destination.ts");
      return await LayoutDestination.open(reference, options);
    }
    case "dir": {
      const { DirectoryDestination } = await import("./directory-destination.ts");
      return await DirectoryDestination.open(reference);
    }
    case "docker-archive": {
      const { DockerArchiveDestination } = await import("./docker-archive-destination.ts");
      return await DockerArchiveDestination.open(reference);
    }
    case "docker-daemon": {
      const { DaemonDestination } = await import("./daemon-destination.ts");
      return await DaemonDestination.open(reference, options);
    }
    case "containers-storage":
      throw new Failure("UNSUPPORTED", `${formatReference(reference)}: that storage is for reading only`, {
        hint: "Copy to an oci-archive and let podman load it, or to docker-daemon: with podman's service running.",
      });
  }
}
