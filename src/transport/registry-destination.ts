import type { Descriptor } from "../oci/descriptor.ts";
import type { Reference, RegistryReference } from "../oci/reference.ts";
import type { Destination, DestinationOptions, PutManifestOptions } from "./destination.ts";

/** A repository of a registry, where images are pushed to. */
export class RegistryDestination implements Destination {
  readonly reference: RegistryReference;

  static open(reference: RegistryReference, _options: DestinationOptions = {}): Promise<RegistryDestination> {
    return Promise.resolve(new RegistryDestination(reference));
  }

  private constructor(reference: RegistryReference) {
    this.reference = reference;
  }

  hasBlob(_descriptor: Descriptor, _options?: { from?: Reference | undefined }): Promise<boolean> {
    return Promise.reject(new Error("not written yet"));
  }

  putBlob(_descriptor: Descriptor, _content: AsyncIterable<Uint8Array>): Promise<void> {
    return Promise.reject(new Error("not written yet"));
  }

  putManifest(_bytes: Uint8Array, _options: PutManifestOptions): Promise<void> {
    return Promise.reject(new Error("not written yet"));
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
