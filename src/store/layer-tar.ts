import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { Failure } from "../errors.ts";
import type { RegularFile } from "../layer/listing.ts";
import { writeTar } from "../layer/write-tar.ts";
import type { Digest } from "../oci/digest.ts";
import type { Layout } from "./layout.ts";
import { readListing } from "./listings.ts";
import { objectName } from "./object-name.ts";

/** A layer of the store as an archive made anew, not the one that it came as. STORE_CORRUPT. */
export function layerTar(layout: Layout, diffId: Digest): AsyncGenerator<Uint8Array> {
  return writeTar(readListing(layout, diffId), (file) => readObject(layout, file));
}

async function* readObject(layout: Layout, file: RegularFile): AsyncGenerator<Uint8Array> {
  const path = layout.object(objectName(file.sha256, file));
  const damaged = (cause?: unknown): Failure =>
    new Failure("STORE_CORRUPT", `object ${path} is damaged`, {
      hint: "Run `berth verify --repair`.",
      cause,
    });
  const object = await open(path, "r").catch((error: unknown) => {
    throw damaged(error);
  });
  try {
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of object.createReadStream({ autoClose: false, highWaterMark: 1 << 18 })) {
      hash.update(chunk as Buffer);
      size += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
    if (size !== file.size || hash.digest("hex") !== file.sha256) throw damaged();
  } finally {
    await object.close();
  }
}
