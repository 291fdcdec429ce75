import { describe, expect, test } from "vitest";
import { baseOf, entryPath, parentOf } from "../../../src/layer/entry-path.ts";

describe("entryPath()", () => {
  test.each([
    ["a/b", "a/b"],
    ["./a//b/./c/", "a/b/c"],
    ["./", ""],
    [".", ""],
    ["/", ""],
    ["..a/b..", "..a/b.."],
    ["c".repeat(255), "c".repeat(255)],
  ])("%j is %j", (name, expected) => {
    expect(entryPath(name)).toBe(expected);
  });

  test.each([
    ["..", "LAYER_UNSAFE", 'entry "..": the name contains `..`'],
    ["a/../b", "LAYER_UNSAFE", 'entry "a/../b": the name contains `..`'],
    ["../../etc/passwd", "LAYER_UNSAFE", 'entry "../../etc/passwd": the name contains `..`'],
    ["/etc/passwd", "LAYER_UNSAFE", 'entry "/etc/passwd": the name is absolute'],
    ["", "LAYER_UNSAFE", "entry has an empty name"],
    ["x".repeat(256), "LAYER_INVALID", "file name too long (256 bytes, at most 255)"],
    ["a/".repeat(1025), "LAYER_INVALID", "deeper than 1024 directories"],
    [`${"d".repeat(200)}/`.repeat(20), "LAYER_INVALID", "path too long (4019 bytes, at most 3500)"],
    ["a\x1b[2J/..", "LAYER_UNSAFE", 'entry "a\\x1b[2J/..": the name contains `..`'],
  ])("refuses %j with %s", (name, code, message) => {
    expect(() => entryPath(name)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });
});

test("parentOf() and baseOf() take a path apart", () => {
  expect([parentOf("a/b/c"), parentOf("a"), baseOf("a/b/c"), baseOf("a")]).toEqual(["a/b", "", "c", "a"]);
});
