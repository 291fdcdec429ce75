import { createCipheriv, createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { type Digest, sha256 } from "../../src/oci/digest.ts";

export type Compression = "gzip" | "zstd" | "none";

/** An image in memory, ready for `Store.add`. */
export interface MemoryImage {
  manifestBytes: Buffer;
  configBytes: Buffer;
  digest: Digest;
  blobs: Map<string, Buffer>;
  diffIds: Digest[];
  /** Streams a blob in small pieces; counts what was asked for. */
  blob(descriptor: Descriptor): AsyncGenerator<Uint8Array>;
  asked: string[];
}

export interface ImageOptions {
  compression?: Compression;
  config?: Record<string, unknown>;
  diffIds?: Digest[];
}

/** An image of the given layers (uncompressed tars), base first. */
export function imageOf(layers: readonly Buffer[], options: ImageOptions = {}): MemoryImage {
  const { compression = "gzip", config = {}, diffIds = layers.map((layer) => sha256(layer)) } = options;
  const blobs = new Map<string, Buffer>();
  const descriptors = layers.map((layer) => {
    const blob = compress(layer, compression);
    const digest = sha256(blob);
    blobs.set(digest, blob);
    const suffix = compression === "none" ? "" : `+${compression}`;
    return { mediaType: `application/vnd.oci.image.layer.v1.tar${suffix}`, digest, size: blob.length };
  });
  const configBytes = Buffer.from(
    JSON.stringify({
      os: "linux",
      architecture: "amd64",
      config,
      rootfs: { type: "layers", diff_ids: diffIds },
    }),
  );
  const manifestBytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: sha256(configBytes),
        size: configBytes.length,
      },
      layers: descriptors,
    }),
  );
  const asked: string[] = [];
  return {
    manifestBytes,
    configBytes,
    digest: sha256(manifestBytes),
    blobs,
    diffIds: [...diffIds],
    asked,
    async *blob({ digest }) {
      asked.push(digest);
      const bytes = blobs.get(digest);
      if (bytes === undefined) throw new Error(`no blob ${digest}`);
      for (let at = 0; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536);
    },
  };
}

function compress(layer: Buffer, compression: Compression): Buffer {
  if (compression === "gzip") return gzipSync(layer);
  return compression === "zstd" ? zstdCompressSync(layer) : layer;
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(length: number, seed: string): Buffer {
  const key = createHash("sha256").update(seed).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}
