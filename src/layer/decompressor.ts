import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { Failure } from "../errors.ts";
import { isZero } from "./tar-header.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/**
 * Undoes the compression of a layer. `write` resolves when the chunk's memory is no longer needed: that is
 * the back pressure.
 */
export interface Decompressor {
  write(chunk: Buffer): Promise<void>;
  /** Says that all came. LAYER_INVALID when the data is cut. */
  end(): Promise<void>;
  /** Frees what a reader that stops early holds. */
  close(): void;
}

/** Takes the plain bytes, synchronously. */
export type Output = (bytes: Buffer) => void;

/** Node's default of 16 KiB costs half as much time again. */
const CHUNK_SIZE = 1024 * 1024;
const LONGEST_MAGIC = 6;

/**
 * A decompressor for what the first bytes say it is: gzip (every member), zstd (every frame), or none.
 * `limit` bounds the bytes that come out. Damage, a cut end and anything after the end are LAYER_INVALID.
 */
export function createDecompressor(
  output: Output,
  { limit = Number.MAX_SAFE_INTEGER }: { limit?: number } = {},
): Decompressor {
  let total = 0;
  const bounded: Output = (bytes) => {
    total += bytes.length;
    if (total > limit) throw new Failure("LAYER_INVALID", `unpacks to more than ${limit} bytes`);
    output(bytes);
  };
  let first = Buffer.alloc(0);
  let chosen: Decompressor | undefined;
  return {
    async write(chunk) {
      if (chosen !== undefined) return chosen.write(chunk);
      first = Buffer.concat([first, chunk]);
      if (first.length < LONGEST_MAGIC) return;
      chosen = choose(first, bounded);
      await chosen.write(first);
    },
    async end() {
      if (chosen === undefined) {
        chosen = choose(first, bounded);
        await chosen.write(first);
      }
      await chosen.end();
    },
    close() {
      chosen?.close();
    },
  };
}

function choose(first: Buffer, output: Output): Decompressor {
  if (startsWith(first, [0x1f, 0x8b])) return new GzipDecompressor(output);
  const isSkippable = ((first[0] ?? 0) & 0xf0) === 0x50 && startsWith(first.subarray(1), [0x2a, 0x4d, 0x18]);
  if (isSkippable || startsWith(first, [0x28, 0xb5, 0x2f, 0xfd])) return new ZstdDecompressor(output);
  for (const [name, magic] of UNSUPPORTED)
    if (startsWith(first, magic))
      throw new Failure("LAYER_INVALID", `compressed with ${name}, which image layers do not use`, {
        hint: "Rebuild the image with gzip or zstd layers.",
      });
  return {
    async write(chunk) {
      output(chunk);
    },
    async end() {},
    close() {},
  };
}

const UNSUPPORTED: [string, number[]][] = [
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

function startsWith(bytes: Buffer, magic: number[]): boolean {
  return magic.every((byte, at) => bytes[at] === byte);
}

/** Node's gunzip goes on to the next member by itself; zeros after the last are padding, as for gzip(1). */
class GzipDecompressor implements Decompressor {
  readonly #stream: ZlibStream<Gunzip>;
  #fed = 0;
  #isOver = false;

  constructor(output: Output) {
    this.#stream = new ZlibStream(createGunzip({ chunkSize: CHUNK_SIZE }), { output, format: "gzip" });
  }

  async write(chunk: Buffer): Promise<void> {
    if (!this.#isOver) {
      await this.#stream.write(chunk);
      this.#fed += chunk.length;
    }
    const unused = this.#isOver ? chunk.length : this.#fed - this.#stream.zlib.bytesWritten;
    if (unused === 0) return;
    this.#isOver = true;
    if (!isZero(chunk.subarray(chunk.length - unused)))
      throw new Failure("LAYER_INVALID", "what follows the gzip data is no gzip data");
  }

  async end(): Promise<void> {
    await this.#stream.end();
  }

  close(): void {
    this.#stream.zlib.destroy();
  }
}

class ZstdDecompressor implements Decompressor {
  readonly #stream: ZlibStream<ZstdDecompress>;
  readonly #frames = new ZstdFrames();
  #isEmpty = true;

  constructor(output: Output) {
    this.#stream = new ZlibStream(createZstdDecompress({ chunkSize: CHUNK_SIZE }), {
      output,
      format: "zstd",
    });
  }

  async write(chunk: Buffer): Promise<void> {
    for (const piece of this.#frames.split(chunk)) {
      this.#isEmpty = false;
      await this.#stream.write(piece);
    }
  }

  async end(): Promise<void> {
    this.#frames.end();
    if (this.#isEmpty) this.close();
    else await this.#stream.end();
  }

  close(): void {
    this.#stream.zlib.destroy();
  }
}

/**
 * Frees a full output buffer now and not when garbage is next collected: 60 MB less for each thread, and its
 * pages are used again. A buffer that is not full yet goes on being filled.
 */
function release(bytes: Buffer): void {
  const { buffer } = bytes;
  if (bytes.byteOffset + bytes.length === buffer.byteLength) (buffer as ArrayBuffer).transfer(0);
}

/** A zlib stream with awaited writes, whose output may throw. */
class ZlibStream<T extends Gunzip | ZstdDecompress> {
  readonly zlib: T;
  readonly #format: string;
  readonly #ended: Promise<void>;
  #error: unknown;
  #reject: (error: unknown) => void = () => {};

  constructor(zlib: T, { output, format }: { output: Output; format: string }) {
    this.zlib = zlib;
    this.#format = format;
    zlib.on("data", (bytes: Buffer) => {
      if (this.#error !== undefined) return;
      try {
        output(bytes);
        release(bytes);
      } catch (error) {
        this.#fail(error);
        zlib.destroy();
      }
    });
    zlib.on("error", (error) => this.#fail(this.#describe(error)));
    this.#ended = new Promise((resolve) => zlib.on("end", resolve));
  }

  write(chunk: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#error !== undefined) return this.#fail(this.#error);
      this.zlib.write(chunk, (error) => {
        if (error) this.#fail(this.#describe(error));
        else resolve();
      });
    });
  }

  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#error !== undefined) return this.#fail(this.#error);
      this.zlib.end();
      void this.#ended.then(resolve);
    });
  }

  #fail(error: unknown): void {
    this.#error ??= error;
    this.#reject(this.#error);
  }

  #describe(error: Error): Failure {
    const isCut = (error as NodeJS.ErrnoException).code === "Z_BUF_ERROR";
    const reason = isCut ? "is cut" : `is damaged (${error.message})`;
    return new Failure("LAYER_INVALID", `the ${this.#format} data ${reason}`, { cause: error });
  }
}
