import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Reference, RegistryReference } from "../oci/reference.ts";
import type { Signature } from "../oci/signature.ts";
import type { RegistryClient } from "../registry/client.ts";
import { Registry } from "../registry/open-registry.ts";
import type { Destination, DestinationOptions, PutManifestOptions } from "./destination.ts";

/** A repository of a registry, where images are pushed to. What is put there is there at once; an image has its tag last. */
export class RegistryDestination implements Destination {
  readonly reference: RegistryReference;
  readonly #client: RegistryClient;
  readonly #options: DestinationOptions;

  static async open(
    reference: RegistryReference,
    options: DestinationOptions = {},
  ): Promise<RegistryDestination> {
    return new RegistryDestination(reference, { client: await Registry.open(reference, options), options });
  }

  private constructor(
    reference: RegistryReference,
    { client, options }: { client: RegistryClient; options: DestinationOptions },
  ) {
    this.reference = reference;
    this.#client = client;
    this.#options = options;
  }

  async hasBlob({ digest }: Descriptor, { from }: { from?: Reference | undefined } = {}): Promise<boolean> {
    if (await this.#client.hasBlob(digest)) return true;
    const { registry, repository } = this.reference;
    if (from?.transport !== "docker" || from.registry !== registry || from.repository === repository)
      return false;
    return await this.#client.mountBlob(digest, from.repository);
  }

  async putBlob(descriptor: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#client.putBlob(descriptor, content);
  }

  async putManifest(bytes: Uint8Array, options: PutManifestOptions): Promise<void> {
    await this.#client.putManifest(bytes, options);
  }

  async putSignatures(digest: Digest, signatures: readonly Signature[]): Promise<void> {
    const { writeSignature } = await import("../registry/image-signatures.ts");
    const place = { reference: this.reference, client: this.#client, access: this.#options };
    for (const signature of signatures) await writeSignature(place, { digest, signature });
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
