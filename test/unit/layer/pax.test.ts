import { describe, expect, test } from "vitest";
import { parsePax, paxNumber, paxTime } from "../../../src/layer/pax.ts";
import { paxRecords } from "../../support/tar.ts";

describe("parsePax()", () => {
  test("keeps values byte for byte, newlines, equals signs and NUL too", () => {
    const value = Buffer.from([1, 0, 0xff, 0x0a, 0x3d, 0x20]);
    expect(
      parsePax(paxRecords({ path: "ü/x", "SCHILY.xattr.security.capability": value, empty: "" })),
    ).toEqual(
      new Map([
        ["path", Buffer.from("ü/x")],
        ["SCHILY.xattr.security.capability", value],
        ["empty", Buffer.alloc(0)],
      ]),
    );
  });

  test("of two records with one key the later counts", () => {
    expect(parsePax(Buffer.from("9 path=a\n9 path=b\n")).get("path")?.toString()).toBe("b");
  });

  test.each([
    ["a length beyond the data", "99 path=a\n", "wrong length"],
    ["a length that ends early", "8 path=a\n", "wrong length"],
    ["no length", "path=a\n", "wrong length"],
    ["a length of 0", "0 path=a\n", "wrong length"],
    ["a padded length", "09 path=a\n", "wrong length"],
    ["a huge length", "99999999999999999999 path=a\n", "wrong length"],
    ["no equals sign", "7 path\n", "no key"],
    ["no key", "5 =a\n", "no key"],
    ["NUL in a path", "11 path=a\0\n", "contains NUL"],
    ["NUL in a key", "11 pa\0th=a\n", "contains NUL"],
  ])("refuses %s", (_, text, reason) => {
    expect(() => parsePax(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: "LAYER_INVALID", message: expect.stringContaining(reason) as string }),
    );
  });
});

describe("paxTime()", () => {
  test.each([
    ["0", 0n],
    ["1700000000.5", 1_700_000_000_500_000_000n],
    ["1.123456789987", 1_123_456_789n],
    ["-86400", -86_400_000_000_000n],
    ["-1.5", -1_500_000_000n],
    ["7.", 7_000_000_000n],
  ])("%s", (text, expected) => {
    expect(paxTime(Buffer.from(text), "mtime")).toBe(expected);
  });

  test.each(["", "1e3", "1.-5", "--1", "0x10", "1 "])("refuses %j", (text) => {
    expect(() => paxTime(Buffer.from(text), "mtime")).toThrow("is not a time");
  });
});

test.each(["", "-1", "1.0", "0x1", " 1"])("paxNumber() refuses %j", (text) => {
  expect(() => paxNumber(Buffer.from(text), "size")).toThrow("is not a number");
});
