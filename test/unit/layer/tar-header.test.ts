import { describe, expect, test } from "vitest";
import { parseHeader } from "../../../src/layer/tar-header.ts";
import { type RawHeader, rawHeader } from "../../support/tar.ts";

const base256 = (length: number, value: bigint): Buffer => {
  const bytes = Buffer.alloc(length);
  let rest = BigInt.asUintN(length * 8, value);
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  return bytes;
};

describe("parseHeader()", () => {
  test("a block of zeros is no header", () => {
    expect(parseHeader(Buffer.alloc(512))).toBeUndefined();
  });

  test("reads every field of a ustar header", () => {
    const header = rawHeader({
      name: "a",
      mode: "0104755\0",
      uid: "0001750\0",
      gid: "0000144\0",
      size: 5,
      mtime: 1_700_000_000,
      type: "3",
      linkname: "b",
      major: "0000010\0",
      minor: "0000377\0",
      prefix: "very/long",
    });
    expect(parseHeader(header)).toEqual({
      type: "3",
      name: "very/long/a",
      linkname: "b",
      mode: 0o4755,
      uid: 1000,
      gid: 100,
      size: 5,
      mtime: 1_700_000_000_000_000_000n,
      major: 8,
      minor: 255,
    });
  });

  test.each<[string, RawHeader, object]>([
    ["the NUL type of V7 is a file", { type: "\0", magic: "" }, { type: "0" }],
    ["V7 has no prefix", { magic: "", prefix: "p" }, { name: "file" }],
    ["GNU has no prefix", { magic: "ustar  \0", prefix: "p" }, { name: "file" }],
    ["a name fills its field without NUL", { name: "n".repeat(100) }, { name: "n".repeat(100) }],
    ["a name that is not UTF-8 keeps its bytes", { name: Buffer.from([0xff, 0x66]) }, { name: "\u00fff" }],
    ["leading spaces in a number", { uid: "     17 " }, { uid: 15 }],
    ["an empty number is 0", { uid: "\0\0\0\0\0\0\0\0" }, { uid: 0 }],
    ["base 256 size", { size: base256(12, 2n ** 40n) }, { size: 2 ** 40 }],
    ["base 256 uid", { uid: base256(8, 4_000_000_000n) }, { uid: 4_000_000_000 }],
    ["base 256 negative time", { mtime: base256(12, -86_400n) }, { mtime: -86_400_000_000_000n }],
    [
      "a signed checksum of old writers",
      { name: Buffer.from([0xff]), checksum: "signed" },
      { name: "\u00ff" },
    ],
  ])("%s", (_, header, expected) => {
    expect(parseHeader(rawHeader(header))).toMatchObject(expected);
  });

  test.each<[string, RawHeader, string]>([
    ["a wrong checksum", { checksum: "wrong" }, 'entry "file": wrong header checksum'],
    ["a size that is no number", { size: "12x4567890\0" }, 'entry "file": size is not a number'],
    ["a negative octal size", { size: "-0000000001\0" }, 'entry "file": size is not a number'],
    ["a negative base 256 size", { size: base256(12, -1n) }, 'entry "file": size -1 is out of range'],
    [
      "a size beyond 2^53",
      { size: base256(12, 2n ** 60n) },
      'entry "file": size 1152921504606846976 is out of range',
    ],
    [
      "uid 2^32-1, chown's `unchanged`",
      { uid: base256(8, 0xffffffffn) },
      'entry "file": uid 4294967295 is out of range',
    ],
  ])("refuses %s", (_, header, message) => {
    expect(() => parseHeader(rawHeader(header))).toThrow(
      expect.objectContaining({ code: "LAYER_INVALID", message }),
    );
  });
});
