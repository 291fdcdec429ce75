import type { Report } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { isShortName, parseReference, type Reference } from "../oci/reference.ts";
import type { Signature } from "../oci/signature.ts";

/** Where one image comes from. Close it: it may hold connections. */
export interface Source {
  readonly reference: Reference;
  /** The manifest is made for this reading and its layers are not compressed, as where an image is kept without its manifest. */
  readonly madeManifest?: boolean;
  /** The manifest or index the reference names, or the one with this digest. Verified; at most 4 MiB. */
  manifest(digest?: Digest): Promise<SourceManifest>;
  /** The blob as a verified stream. Ends with DIGEST_MISMATCH or SIZE_MISMATCH. */
  blob(descriptor: Descriptor): AsyncIterable<Uint8Array>;
  /** The signatures of the image with this digest, none of them verified; without it there are none. SIGNATURE_INVALID. */
  signatures?(digest: Digest): Promise<Signature[]>;
  close(): Promise<void>;
}

export interface SourceManifest {
  bytes: Buffer;
  /** As served; undefined when the source keeps none. */
  mediaType: string | undefined;
  digest: Digest;
}

export interface SourceOptions {
  /** Prefix for /etc/containers; default "/". */
  root?: string;
  authFile?: string;
  /** Overrides `insecure` of registries.conf. */
  tlsVerify?: boolean;
  signal?: AbortSignal;
  report?: Report;
  /** The first wait before a registry is asked again; milliseconds, default 500. */
  retryMs?: number;
}

/** Opens what a reference names; nothing is fetched yet. CONFIG_INVALID, DENIED from registries.conf. */
export async function openSource(reference: Reference, options: SourceOptions = {}): Promise<Source> {
  switch (reference.transport) {
    case "docker": {
      const { RegistrySource } = await import("./registry-source.ts");
      return await RegistrySource.open(reference, options);
    }
    case "oci":
    case "oci-archive": {
      const { LayoutSource } = await import("./layout-source.ts");
      return new LayoutSource(reference, options);
    }
    case "dir": {
      const { DirectorySource } = await import("./directory-source.ts");
      return new DirectorySource(reference, options);
    }
    case "docker-archive": {
      const { DockerArchiveSource } = await import("./docker-archive-source.ts");
      return new DockerArchiveSource(reference, options);
    }
    case "docker-daemon": {
      const { openDaemonSource } = await import("./daemon-source.ts");
      return openDaemonSource(reference, options);
    }
    case "containers-storage": {
      const { StorageSource } = await import("./storage-source.ts");
      return new StorageSource(reference, options);
    }
  }
}

/**
 * What a name as typed may mean, in the order to try: of a short name what registries.conf says. REFERENCE_INVALID,
 * NAME_AMBIGUOUS, IMAGE_UNKNOWN, CONFIG_INVALID.
 */
export async function candidatesOf(typed: string, root?: string): Promise<Reference[]> {
  if (!isShortName(typed)) return [parseReference(typed)];
  const { loadRegistriesConf } = await import("../registry/load-registries-conf.ts");
  const { resolveShortName } = await import("../registry/short-names.ts");
  return resolveShortName(await loadRegistriesConf(root), typed);
}
