import { isUtf8 } from "node:buffer";
import { printable } from "../oci/printable.ts";

/**
 * Bytes as a string with one character (U+0000 to U+00FF) for each byte. A name in a layer is bytes, not
 * text; in this form it is exact, compared as bytes, cheap to keep, and a key of a Map. Never show one or
 * give it to the host as it is: see `showBytes`, `bytesOf`.
 */
export type ByteString = string;

export function byteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** The bytes that `text` has in UTF-8, in the form of this file. */
export function byteStringOf(text: string): ByteString {
  return Buffer.from(text).toString("latin1");
}

export function bytesOf(name: ByteString): Buffer {
  return Buffer.from(name, "latin1");
}

/** `name` for a message: as text where it is UTF-8, other bytes and control characters as `\xNN`. */
export function showBytes(name: ByteString): string {
  const bytes = bytesOf(name);
  const text = isUtf8(bytes)
    ? bytes.toString()
    : name.replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
  return printable(text);
}
