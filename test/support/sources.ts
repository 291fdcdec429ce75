/** Reading images from test servers as the commands do, with short waits. */
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { parseReference } from "../../src/oci/reference.ts";
import { openSource, type Source, type SourceOptions } from "../../src/transport/source.ts";

/** Opens what `typed` names, gives it to `use` and closes it. Retries wait a few milliseconds. */
export async function withSource<T>(
  typed: string,
  use: (source: Source) => Promise<T>,
  options: SourceOptions = {},
): Promise<T> {
  const source = await openSource(parseReference(typed), { retryMs: 2, ...options });
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

export async function readBlob(source: Source, descriptor: Descriptor): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.blob(descriptor)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
