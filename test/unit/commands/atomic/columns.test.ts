import { expect, test } from "vitest";
import { minuteOf, sizeOf, splitName } from "../../../../src/commands/atomic/columns.ts";

test.each([
  ["quay.io/etcd:3.5", "quay.io/etcd", "3.5"],
  ["localhost:5000/etcd", "localhost:5000/etcd", ""],
  ["localhost:5000/etcd:latest", "localhost:5000/etcd", "latest"],
  [`quay.io/etcd:3@sha256:${"a".repeat(64)}`, "quay.io/etcd", "3"],
])("splitName(%s)", (name, repo, tag) => {
  expect(splitName(name)).toEqual({ repo, tag });
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [12_345_678, "12.35 MB"],
  [3_000_000_000_000_000, "3000.00 TB"],
])("sizeOf(%d) is %s", (bytes, text) => {
  expect(sizeOf(bytes)).toBe(text);
});

test("minuteOf() is the time of the place, to the minute, and leaves what is no time", () => {
  expect(minuteOf("2026-11-24T12:30:59Z")).toMatch(/^2026-11-2[345] \d\d:[0-5]\d$/);
  expect(minuteOf("once")).toBe("once");
});
