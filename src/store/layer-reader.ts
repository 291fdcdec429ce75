import { createHash, type Hash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { Failure, isFailure } from "../errors.ts";
import { showBytes } from "../layer/byte-string.ts";
import { createDecompressor, type Decompressor } from "../layer/decompressor.ts";
import { hasContent, ListingBuilder } from "../layer/listing-builder.ts";
import { encodeListing } from "../layer/listing-format.ts";
import type { TarEntry } from "../layer/tar-entry.ts";
import { TarParser, type TarSink } from "../layer/tar-parser.ts";
import { type Digest, digestAlgorithm } from "../oci/digest.ts";
import { type ObjectPlaces, ObjectWriter } from "./object-writer.ts";

/** One layer to be read: plain data, it goes to a worker. */
export interface LayerJob extends ObjectPlaces {
  diffId: Digest;
  /** File for the listing; made. */
  listing: string;
  /** Most bytes the layer may unpack to, holes included. */
  limit: number;
}

/**
 * From the bytes of a layer's blob to staged objects and a listing: decompresses, checks the diffID over the
 * whole tar (what follows its end marker included), parses, hashes each file. LAYER_INVALID, LAYER_UNSAFE,
 * DIGEST_MISMATCH; NO_SPACE or a plain errno from the disk.
 */
export class LayerReader implements TarSink {
  readonly #job: LayerJob;
  readonly #hash: Hash;
  readonly #decompressor: Decompressor;
  readonly #parser = new TarParser(this);
  readonly #builder = new ListingBuilder();
  readonly #objects: ObjectWriter;
  #file: TarEntry | undefined;
  #holes = 0;

  constructor(job: LayerJob) {
    this.#job = job;
    this.#hash = createHash(digestAlgorithm(job.diffId));
    this.#objects = new ObjectWriter(job);
    this.#decompressor = createDecompressor((bytes) => this.#takePlain(bytes), { limit: job.limit });
  }

  async write(chunk: Buffer): Promise<void> {
    await this.#decompressor.write(chunk);
    this.#objects.noteReused();
  }

  async finish(): Promise<void> {
    await this.#decompressor.end();
    this.#parser.end();
    this.#objects.noteReused();
    const { diffId, listing } = this.#job;
    const actual = `${digestAlgorithm(diffId)}:${this.#hash.digest("hex")}`;
    if (actual !== diffId)
      throw new Failure("DIGEST_MISMATCH", `unpacks to ${actual}, but the image's config says ${diffId}`, {
        hint: "The image is damaged or was altered: ask who made it.",
      });
    writeFileSync(listing, encodeListing(this.#builder.finish()), { flag: "wx", mode: 0o600 });
  }

  entry(entry: TarEntry): void {
    if (entry.type !== "file") {
      this.#builder.add(entry);
      return;
    }
    this.#file = entry;
    if (hasContent(entry)) this.#objects.begin(entry);
  }

  data(bytes: Buffer): void {
    if (this.#file !== undefined && hasContent(this.#file)) this.#objects.data(bytes);
  }

  hole(length: number): void {
    this.#holes += length;
    if (this.#holes > this.#job.limit)
      throw new Failure("LAYER_INVALID", `unpacks to more than ${this.#job.limit} bytes`);
    if (this.#file !== undefined && hasContent(this.#file)) this.#objects.hole(length);
  }

  end(): void {
    const file = this.#file as TarEntry;
    this.#file = undefined;
    try {
      this.#builder.add(file, hasContent(file) ? this.#objects.end() : "");
    } catch (error) {
      if (isFailure(error, "LAYER_INVALID") && !error.message.startsWith("entry"))
        throw new Failure(error.code, `entry "${showBytes(file.name)}": ${error.message}`, { cause: error });
      throw error;
    }
  }

  #takePlain(bytes: Buffer): void {
    this.#hash.update(bytes);
    this.#parser.push(bytes);
  }
}
