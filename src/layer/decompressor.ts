import { createGunzip, createZstdDecompress } from "node:zlib";
import { Failure } from "../errors.ts";
import { DirectZlib } from "./direct-zlib.ts";
import { StreamZlib } from "./stream-zlib.ts";
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

/** Takes the plain bytes, synchronously: their memory is used again after the call. */
export type Output = (bytes: Buffer) => void;

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
  readonly #zlib: Zlib;
  #isOver = false;

  constructor(output: Output) {
    this.#zlib = openZlib("gzip", output);
  }

  async write(chunk: Buffer): Promise<void> {
    const unused = this.#isOver ? chunk.length : await this.#zlib.write(chunk);
    if (unused === 0) return;
    this.#isOver = true;
    if (!isZero(chunk.subarray(chunk.length - unused)))
      throw new Failure("LAYER_INVALID", "what follows the gzip data is no gzip data");
  }

  async end(): Promise<void> {
    await this.#zlib.end();
  }

  close(): void {
    this.#zlib.close();
  }
}

class ZstdDecompressor implements Decompressor {
  readonly #zlib: Zlib;
  readonly #frames = new ZstdFrames();
  #isEmpty = true;

  constructor(output: Output) {
    this.#zlib = openZlib("zstd", output);
  }

  async write(chunk: Buffer): Promise<void> {
    for (const piece of this.#frames.split(chunk)) {
      this.#isEmpty = false;
      await this.#zlib.write(piece);
    }
  }

  async end(): Promise<void> {
    this.#frames.end();
    if (this.#isEmpty) this.close();
    else await this.#zlib.end();
  }

  close(): void {
    this.#zlib.close();
  }
}

/** Node's zlib, whose failures say what is wrong with the layer. */
interface Zlib {
  /** How many bytes at the end of `chunk` are not compressed data. */
  write(chunk: Buffer): Promise<number>;
  end(): Promise<void>;
  close(): void;
}

function openZlib(format: "gzip" | "zstd", output: Output): Zlib {
  const zlib =
    format === "gzip" ? createGunzip(StreamZlib.options) : createZstdDecompress(StreamZlib.options);
  const used = DirectZlib.of(zlib, output) ?? new StreamZlib(zlib, output);
  const described = async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw describe(error, format);
    }
  };
  return {
    write: (chunk) => described(() => used.write(chunk)),
    end: () => described(() => used.end()),
    close: () => zlib.destroy(),
  };
}

function describe(error: unknown, format: string): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (!(error instanceof Error) || !code?.startsWith("Z")) return error;
  const reason = code === "Z_BUF_ERROR" ? "is cut" : `is damaged (${error.message})`;
  return new Failure("LAYER_INVALID", `the ${format} data ${reason}`, { cause: error });
}
