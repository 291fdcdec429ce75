/** A client for one repository of a test registry, closed after its use. */
import { randomBytes } from "node:crypto";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { sha256 } from "../../src/oci/digest.ts";
import { parseReference, type RegistryReference } from "../../src/oci/reference.ts";
import { type ClientOptions, RegistryClient } from "../../src/registry/client.ts";

/** `name` is REGISTRY/REPOSITORY; reached without TLS, with short waits. */
export async function withClient<T>(
  name: string,
  use: (client: RegistryClient) => Promise<T>,
  { insecure = true, ...options }: ClientOptions & { insecure?: boolean } = {},
): Promise<T> {
  const reference = parseReference(name) as RegistryReference;
  const client = await RegistryClient.open({ reference, insecure }, { retryMs: 1, ...options });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

export interface TestBlob {
  bytes: Buffer;
  descriptor: Descriptor;
  /** In pieces of 64 KiB, one after the other. */
  content(): AsyncGenerator<Uint8Array>;
}

export function makeBlob(content: Buffer | number): TestBlob {
  const bytes = typeof content === "number" ? randomBytes(content) : content;
  return {
    bytes,
    descriptor: { mediaType: "application/octet-stream", digest: sha256(bytes), size: bytes.length },
    async *content() {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    },
  };
}
