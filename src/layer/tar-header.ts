import { Failure } from "../errors.ts";
import { type ByteString, showBytes } from "./byte-string.ts";

/** One header block of a tar archive as it stands there, before PAX records and GNU long names change it. */
export interface TarHeader {
  /** The type flag; NUL of old archives is given as "0". */
  type: string;
  name: ByteString;
  linkname: ByteString;
  /** Permission bits with setuid, setgid, sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of data that follow. */
  size: number;
  /** Nanoseconds since 1970. */
  mtime: bigint;
  major: number;
  minor: number;
}

export const BLOCK = 512;
export const SECOND = 1_000_000_000n;

/**
 * Parses a block of 512 bytes: V7, ustar (POSIX.1-1988), GNU and star. Undefined for a block of zeros.
 * LAYER_INVALID for a wrong checksum or a number that cannot be read. Bytes 257 to 264 say which format it
 * is; only ustar has a name prefix.
 */
export function parseHeader(block: Buffer): TarHeader | undefined {
  const sums = checksums(block);
  if (sums.unsigned === BLANK_SUM && isZero(block)) return undefined;
  const name = field(block, 0, 100);
  const stored = numberOf(block, { at: 148, length: 8, what: "checksum", name });
  if (stored !== BigInt(sums.unsigned) && stored !== BigInt(sums.signed))
    throw new Failure("LAYER_INVALID", `entry "${showBytes(name)}": wrong header checksum`);
  const type = block.toString("latin1", 156, 157);
  const isUstar = block.toString("latin1", 257, 263) === "ustar\0";
  const hasDevice = isUstar || block.toString("latin1", 257, 263) === "ustar ";
  const number = (at: number, length: number, what: string): bigint =>
    numberOf(block, { at, length, what, name });
  const device = (at: number, what: string): number =>
    hasDevice ? inRange(number(at, 8, what), { max: 0xffffffff, what, name }) : 0;
  return {
    type: type === "\0" ? "0" : type,
    name: isUstar ? withPrefix(block, name) : name,
    linkname: field(block, 157, 100),
    mode: Number(number(100, 8, "mode") & 0o7777n),
    uid: inRange(number(108, 8, "uid"), { max: MAX_ID, what: "uid", name }),
    gid: inRange(number(116, 8, "gid"), { max: MAX_ID, what: "gid", name }),
    size: inRange(number(124, 12, "size"), { max: Number.MAX_SAFE_INTEGER, what: "size", name }),
    mtime: number(136, 12, "mtime") * SECOND,
    major: device(329, "device major"),
    minor: device(337, "device minor"),
  };
}

/** The greatest uid or gid: 2^32-1 means "unchanged" to chown(2). */
export const MAX_ID = 0xfffffffe;

/** `value` as a number from 0 to `max`; LAYER_INVALID naming the entry. */
export function inRange(
  value: bigint,
  { max, what, name }: { max: number; what: string; name: ByteString },
): number {
  if (value >= 0n && value <= BigInt(max)) return Number(value);
  throw new Failure("LAYER_INVALID", `entry "${showBytes(name)}": ${what} ${value} is out of range`);
}

/** Eight spaces in place of the checksum are what a block of zeros sums up to. */
const BLANK_SUM = 8 * 0x20;

/** The checksum counts its own field as spaces. Some old writers summed signed bytes. */
function checksums(block: Buffer): { unsigned: number; signed: number } {
  let unsigned = BLANK_SUM;
  let high = 0;
  for (let at = 0; at < BLOCK; at++) {
    if (at >= 148 && at < 156) continue;
    const byte = block[at] ?? 0;
    unsigned += byte;
    high += byte >> 7;
  }
  return { unsigned, signed: unsigned - 256 * high };
}

export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** The bytes of a field up to the first NUL. */
function field(block: Buffer, at: number, length: number): ByteString {
  const end = block.indexOf(0, at);
  return block.toString("latin1", at, end === -1 || end > at + length ? at + length : end);
}

/** star marks its shorter prefix (times follow it) with "tar" at the end of the block. */
function withPrefix(block: Buffer, name: ByteString): ByteString {
  const isStar = block.toString("latin1", 508, 512) === "tar\0";
  const prefix = field(block, 345, isStar ? 131 : 155);
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Octal digits, or base 256 (two's complement) where the first bit is set. */
function numberOf(
  block: Buffer,
  { at, length, what, name }: { at: number; length: number; what: string; name: ByteString },
): bigint {
  const first = block[at] ?? 0;
  if (first & 0x80) return base256(block.subarray(at, at + length));
  const text = block.toString("latin1", at, at + length);
  const digits = /^[ \0]*([0-7]*)(?:[ \0].*)?$/s.exec(text)?.[1];
  if (digits === undefined)
    throw new Failure("LAYER_INVALID", `entry "${showBytes(name)}": ${what} is not a number`);
  return BigInt(Number.parseInt(digits || "0", 8));
}

/** The first bit is the mark, the second the sign. */
function base256(bytes: Buffer): bigint {
  const first = bytes[0] ?? 0;
  let value = BigInt(first & 0x40 ? first - 0x100 : first & 0x3f);
  for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
  return value;
}
