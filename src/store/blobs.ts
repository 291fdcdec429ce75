import { mkdirSync, statSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isErrno } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { verifyStream } from "../oci/verified-stream.ts";
import { syncDirectory } from "./files.ts";
import type { Layout } from "./layout.ts";

/** A blob by its address, and its size in bytes. */
export interface BlobKey {
  digest: Digest;
  size: number;
}

export function hasBlob(layout: Layout, { digest, size }: BlobKey): boolean {
  try {
    return statSync(layout.blob(digest)).size === size;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** The kept blob, verified as it is read; undefined when it is not kept. */
export function readBlob(layout: Layout, key: BlobKey): AsyncGenerator<Uint8Array> | undefined {
  if (!hasBlob(layout, key)) return undefined;
  return verifyStream(bytesOf(layout.blob(key.digest)), { ...key, what: `blob ${key.digest}` });
}

/** Passes `content` on, which must be verified, and keeps it when all of it came; a claim or a name must say that it is needed. */
export async function* keepBlob(
  layout: Layout,
  { key, content }: { key: BlobKey; content: AsyncIterable<Uint8Array> },
): AsyncGenerator<Uint8Array> {
  const path = layout.blob(key.digest);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const { makeStage } = await import("./stage.ts");
  const stage = makeStage(layout);
  const aside = join(stage.dir, "blob");
  try {
    const file = await open(aside, "wx", 0o600);
    try {
      for await (const chunk of content) {
        await file.writeFile(chunk);
        yield chunk;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
    syncDirectory(dirname(path));
  } finally {
    await stage.remove();
  }
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r");
  try {
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1 << 18 }))
      yield chunk as Buffer;
  } finally {
    await file.close();
  }
}
