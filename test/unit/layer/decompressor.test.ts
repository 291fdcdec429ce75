import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createDecompressor } from "../../../src/layer/decompressor.ts";
import { noise } from "../../support/raw-image.ts";

const A = noise(300_000, "a");
const B = Buffer.from("second");

const skippable = (text: string): Buffer => {
  const head = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  head.writeUInt32LE(text.length, 4);
  return Buffer.concat([head, Buffer.from(text)]);
};

async function decompress(bytes: Buffer, step = bytes.length || 1, limit?: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  const output = (part: Buffer): unknown => parts.push(Buffer.from(part));
  const decompressor = createDecompressor(output, limit === undefined ? {} : { limit });
  try {
    for (let at = 0; at < bytes.length; at += step) await decompressor.write(bytes.subarray(at, at + step));
    await decompressor.end();
  } finally {
    decompressor.close();
  }
  return Buffer.concat(parts);
}

const [gzA, gzB] = [gzipSync(A), gzipSync(B)];
const zChecked = zstdCompressSync(A, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
const [zA, zB] = [zstdCompressSync(A), zstdCompressSync(B)];

describe("createDecompressor()", () => {
  test.each([
    ["nothing", Buffer.alloc(0), Buffer.alloc(0)],
    ["a few plain bytes", Buffer.from("abc"), Buffer.from("abc")],
    ["plain bytes", A, A],
    ["gzip", gzA, A],
    ["gzip of nothing", gzipSync(""), Buffer.alloc(0)],
    ["every gzip member", Buffer.concat([gzA, gzB, gzA]), Buffer.concat([A, B, A])],
    ["gzip padded with zeros", Buffer.concat([gzA, Buffer.alloc(1000)]), A],
    ["zstd", zA, A],
    ["zstd of nothing", zstdCompressSync(""), Buffer.alloc(0)],
    ["zstd with a checksum", zChecked, A],
    ["every zstd frame", Buffer.concat([zB, zA, zB, zB]), Buffer.concat([B, A, B, B])],
    [
      "skippable frames",
      Buffer.concat([skippable("x"), zB, skippable(""), zA, skippable("end")]),
      Buffer.concat([B, A]),
    ],
    ["only a skippable frame", skippable("only"), Buffer.alloc(0)],
    ["zstd with a run-length block", zstdCompressSync(Buffer.alloc(1_000_000)), Buffer.alloc(1_000_000)],
  ])("unpacks %s, whatever the size of the pieces", async (_, packed, expected) => {
    for (const step of [packed.length || 1, 65_536, 1000, ...(packed.length < 5000 ? [1, 3] : [])])
      expect((await decompress(packed, step)).equals(expected)).toBe(true);
  });

  test("many small frames in one piece, as zstd:chunked has them", async () => {
    const frames = Array.from({ length: 2000 }, (_, at) => zstdCompressSync(`frame ${at}\n`));
    const expected = Array.from({ length: 2000 }, (_, at) => `frame ${at}\n`).join("");
    expect((await decompress(Buffer.concat(frames))).toString()).toBe(expected);
  });

  test.each([
    ["gzip cut in the data", gzA.subarray(0, -100), "the gzip data is cut"],
    ["gzip cut in the checksum", gzA.subarray(0, -4), "the gzip data is cut"],
    ["gzip cut in the second member", Buffer.concat([gzA, gzB.subarray(0, 12)]), "the gzip data is cut"],
    ["gzip cut in the second header", Buffer.concat([gzA, gzB.subarray(0, 2)]), "the gzip data is cut"],
    ["only the gzip magic", gzA.subarray(0, 2), "the gzip data is cut"],
    ["junk after gzip", Buffer.concat([gzA, Buffer.from("junk")]), "the gzip data is damaged"],
    [
      "junk after gzip's padding",
      Buffer.concat([gzA, Buffer.alloc(600), Buffer.from("junk")]),
      "no gzip data",
    ],
    [
      "gzip with a wrong checksum",
      Buffer.concat([gzA.subarray(0, -8), Buffer.alloc(4), gzA.subarray(-4)]),
      "is damaged",
    ],
    ["zstd cut in the data", zA.subarray(0, -100), "the zstd data is cut"],
    ["zstd cut in the second frame", Buffer.concat([zA, zB.subarray(0, -1)]), "the zstd data is cut"],
    ["zstd cut in the second magic", Buffer.concat([zA, zB.subarray(0, 2)]), "the zstd data is cut"],
    [
      "zstd cut in a skippable frame",
      Buffer.concat([zA, skippable("x").subarray(0, -1)]),
      "the zstd data is cut",
    ],
    ["junk after zstd", Buffer.concat([zA, Buffer.from("junk")]), "no zstd frame"],
    ["zeros after zstd", Buffer.concat([zA, Buffer.alloc(100)]), "no zstd frame"],
    [
      "zstd with a wrong checksum",
      Buffer.concat([zChecked.subarray(0, -1), Buffer.from([(zChecked.at(-1) ?? 0) ^ 1])]),
      "the zstd data is damaged",
    ],
    ["bzip2", Buffer.from("BZh91AY&SY"), "compressed with bzip2"],
    ["xz", Buffer.from("fd377a585a000004", "hex"), "compressed with xz"],
  ])("refuses %s", async (_, packed, message) => {
    for (const step of [packed.length, 1000, 64])
      await expect(decompress(packed, step)).rejects.toThrow(
        expect.objectContaining({
          code: "LAYER_INVALID",
          message: expect.stringContaining(message) as string,
        }),
      );
  });

  test.each([
    ["gzip", gzipSync(Buffer.alloc(50_000_000))],
    ["zstd", zstdCompressSync(Buffer.alloc(50_000_000))],
    ["plain", Buffer.alloc(50_000)],
  ])("stops a %s bomb at the limit", async (_, packed) => {
    await expect(decompress(packed, 4096, 20_000)).rejects.toThrow(
      expect.objectContaining({ code: "LAYER_INVALID", message: "unpacks to more than 20000 bytes" }),
    );
  });

  test.each([gzA, zA])("an error of the output ends the reading", async (packed) => {
    const decompressor = createDecompressor(() => {
      throw new Error("output failed");
    });
    const run = async (): Promise<void> => {
      await decompressor.write(packed);
      await decompressor.end();
    };
    await expect(run()).rejects.toThrow("output failed");
  });

  test.each([
    ["gzip", gzA],
    ["zstd", zA],
  ])("that is closed refuses more %s", async (_, bytes) => {
    const decompressor = createDecompressor(() => {});
    await decompressor.write(bytes);
    decompressor.close();
    await expect(decompressor.write(bytes)).rejects.toThrow("the decompressor is closed");
    await expect(decompressor.end()).rejects.toThrow("the decompressor is closed");
  });
});
