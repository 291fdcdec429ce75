import { constants, createGzip, createZstdCompress } from "node:zlib";
import { Failure } from "../errors.ts";
import type { Compress } from "../oci/convert-manifest.ts";
import type { Digest } from "../oci/digest.ts";
import { Spool } from "./spool.ts";

/** The layer compressed in another way, put aside, since its digest is known only at its end. Close it. DIGEST_MISMATCH, LAYER_INVALID. */
export async function recodeLayer(
  content: AsyncIterable<Uint8Array>,
  { compress, diffId }: { compress: Compress; diffId: Digest | undefined },
): Promise<Spool> {
  const plain = await Spool.unpacked(content);
  if (diffId?.startsWith("sha256:") && plain.digest !== diffId) {
    plain.close();
    throw new Failure(
      "DIGEST_MISMATCH",
      `a layer unpacks to ${plain.digest}, but the image's config says ${diffId}`,
      {
        hint: "The image is damaged or was altered: ask who made it.",
      },
    );
  }
  if (compress.algorithm === "none") return plain;
  try {
    return await Spool.of(compressed(plain, compress));
  } finally {
    plain.close();
  }
}

/** The same bytes for the same content, level and zlib. */
async function* compressed(plain: Spool, { algorithm, level }: Compress): AsyncGenerator<Uint8Array> {
  const stream =
    algorithm === "gzip"
      ? createGzip(level === undefined ? {} : { level })
      : createZstdCompress(
          level === undefined ? {} : { params: { [constants.ZSTD_c_compressionLevel]: level } },
        );
  const fed = (async () => {
    for await (const chunk of plain.read())
      if (!stream.write(chunk)) await new Promise((resolve) => stream.once("drain", resolve));
    stream.end();
  })();
  fed.catch((error: unknown) => stream.destroy(error as Error));
  for await (const chunk of stream) yield chunk as Buffer;
  await fed;
}
