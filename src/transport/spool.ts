import { createHash, type Hash, randomBytes } from "node:crypto";
import { closeSync, openSync, read, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Failure, isErrno } from "../errors.ts";
import { createDecompressor } from "../layer/decompressor.ts";
import type { Digest } from "../oci/digest.ts";

const readAt = promisify(read);
const CHUNK = 1 << 18;

/** Bytes put aside in a file without a name, which is gone when it is closed or the process ends. */
export class Spool {
  readonly fd: number;
  readonly #directory: string;
  readonly #hash: Hash = createHash("sha256");
  #size = 0;
  #digest: Digest | undefined;

  /** In TMPDIR, or /var/tmp: what is put aside may be larger than memory, where /tmp often is. */
  constructor(directory: string = process.env["TMPDIR"] || "/var/tmp") {
    this.#directory = directory;
    const path = join(directory, `.berth-${randomBytes(8).toString("hex")}`);
    this.fd = openSync(path, "wx+", 0o600);
    unlinkSync(path);
  }

  /** All of `content`. NO_SPACE, or what `content` throws. */
  static async of(content: AsyncIterable<Uint8Array>): Promise<Spool> {
    const spool = new Spool();
    try {
      for await (const chunk of content) spool.add(chunk);
      return spool;
    } catch (error) {
      spool.close();
      throw error;
    }
  }

  /** What `content` unpacks to, whether it is gzip, zstd or not compressed. LAYER_INVALID. */
  static async unpacked(content: AsyncIterable<Uint8Array>): Promise<Spool> {
    const spool = new Spool();
    const decompressor = createDecompressor((bytes) => spool.add(bytes));
    try {
      for await (const chunk of content) await decompressor.write(Buffer.from(chunk));
      await decompressor.end();
      return spool;
    } catch (error) {
      decompressor.close();
      spool.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Of all that was added; nothing can be added after that. */
  get digest(): Digest {
    this.#digest ??= `sha256:${this.#hash.digest("hex")}`;
    return this.#digest;
  }

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    } catch (error) {
      if (!isErrno(error, "ENOSPC")) throw error;
      throw new Failure("NO_SPACE", `no space left in ${this.#directory}, where layers are put aside`, {
        hint: "Set TMPDIR to a directory with more space.",
        cause: error,
      });
    }
    this.#size += bytes.length;
  }

  read(): AsyncGenerator<Uint8Array> {
    return readRange(this.fd, { offset: 0, size: this.#size });
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** A part of an open file. SIZE_MISMATCH where the file ends before. */
export async function* readRange(
  fd: number,
  { offset, size }: { offset: number; size: number },
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, size - at));
    const { bytesRead } = await readAt(fd, buffer, 0, buffer.length, offset + at);
    if (bytesRead === 0) throw new Failure("SIZE_MISMATCH", "the file ends too early");
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
