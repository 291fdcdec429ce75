import { Failure } from "../errors.ts";
import type { ByteString } from "./byte-string.ts";

/** Grows a buffer by LEB128 numbers, length-prefixed strings and raw bytes. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  /** A whole number from 0 to 2^53-1. */
  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
  }

  string(text: ByteString): void {
    this.number(text.length);
    this.#reserve(text.length);
    this.#length += this.#buffer.write(text, this.#length, "latin1");
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#buffer.length + length));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Reads what a ByteWriter wrote. STORE_CORRUPT beyond the end. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, start = 0) {
    this.#bytes = bytes;
    this.#at = start;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || scale > 2 ** 49) throw cut();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }

  string(): ByteString {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw cut();
    const text = this.#bytes.toString("latin1", this.#at, end);
    this.#at = end;
    return text;
  }

  /** So many bytes, as hex digits. */
  hex(length: number): string {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw cut();
    const text = this.#bytes.toString("hex", this.#at, end);
    this.#at = end;
    return text;
  }
}

function cut(): Failure {
  return new Failure("STORE_CORRUPT", "a layer listing is cut");
}
