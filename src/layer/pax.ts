import { Failure } from "../errors.ts";
import { type ByteString, byteString, showBytes } from "./byte-string.ts";
import { SECOND } from "./tar-header.ts";

/** PAX records: key to value. Of two records with one key the later counts, as POSIX says. */
export type PaxRecords = Map<ByteString, Buffer>;

/** Values that end up in paths: a NUL in one would name another file. */
const NAMES = new Set(["path", "linkpath", "GNU.sparse.name"]);

/**
 * Parses the data of a PAX header: records of the form `LENGTH KEY=VALUE\n`, LENGTH being decimal and
 * counting itself. Values are bytes and may hold anything, newlines and NUL too. LAYER_INVALID.
 */
export function parsePax(bytes: Buffer): PaxRecords {
  const records: PaxRecords = new Map();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = space === -1 || space - at > 10 ? "" : bytes.toString("latin1", at, space);
    const end = at + Number(digits);
    if (!/^[1-9][0-9]*$/.test(digits) || end > bytes.length || bytes[end - 1] !== 0x0a)
      throw invalid(`record at byte ${at} has a wrong length`);
    const equals = bytes.indexOf(0x3d, space + 1);
    if (equals === -1 || equals === space + 1 || equals >= end)
      throw invalid(`record at byte ${at} has no key`);
    const key = byteString(bytes.subarray(space + 1, equals));
    const value = bytes.subarray(equals + 1, end - 1);
    if (key.includes("\0") || (NAMES.has(key) && value.includes(0)))
      throw invalid(`record "${showBytes(key)}" contains NUL`);
    records.set(key, value);
    at = end;
  }
  return records;
}

/** A decimal number without sign. */
export function paxNumber(value: Buffer, key: string): bigint {
  const text = value.toString("latin1");
  if (!/^[0-9]{1,20}$/.test(text)) throw invalid(`${key}=${showBytes(text)} is not a number`);
  return BigInt(text);
}

/** Seconds since 1970 with an optional sign and fraction, in nanoseconds; digits beyond those are cut. */
export function paxTime(value: Buffer, key: string): bigint {
  const match = /^(-?)([0-9]{1,18})(?:\.([0-9]*))?$/.exec(value.toString("latin1"));
  if (match === null) throw invalid(`${key}=${showBytes(byteString(value))} is not a time`);
  const [, sign, seconds = "0", fraction = ""] = match;
  const ns = BigInt(seconds) * SECOND + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  return sign === "-" ? -ns : ns;
}

function invalid(reason: string): Failure {
  return new Failure("LAYER_INVALID", `PAX header: ${reason}`);
}
