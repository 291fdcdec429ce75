import { describe, expect, test } from "vitest";
import { parseSparseMap } from "../../../src/layer/sparse-map.ts";

describe("parseSparseMap()", () => {
  test("runs, without the empty ones", () => {
    expect(parseSparseMap(Buffer.from("3\n0\n5\n100\n7\n512\n0\n\0\0"), 512)).toEqual([
      { offset: 0, length: 5 },
      { offset: 100, length: 7 },
    ]);
  });

  test.each(["", "2", "2\n0\n5\n", "2\n0\n5\n9"])("undefined for the cut map %j", (text) => {
    expect(parseSparseMap(Buffer.from(text), 512)).toBeUndefined();
  });

  test.each([
    ["overlapping runs", "2\n0\n5\n4\n1\n"],
    ["a run beyond the file", "1\n510\n3\n"],
    ["a negative number", "1\n-1\n3\n"],
    ["letters", "x\n"],
    ["an endless number", "1".repeat(40)],
  ])("refuses %s", (_, text) => {
    expect(() => parseSparseMap(Buffer.from(text), 512)).toThrow(
      expect.objectContaining({ code: "LAYER_INVALID" }),
    );
  });
});
