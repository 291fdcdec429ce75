import { expect, test } from "vitest";
import { formatBytes, formatDigest, formatSince } from "../../../src/output/format.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.00 kB"],
  [9994, "9.99 kB"],
  [9996, "10.0 kB"],
  [99_960, "100 kB"],
  [999_499, "999 kB"],
  [999_500, "1.00 MB"],
  [68_123_456, "68.1 MB"],
  [1_180_000_000, "1.18 GB"],
  [5e18, "5000 PB"],
])("formatBytes() of %d is %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

const now = Date.parse("2026-06-15T12:00:00Z");

test.each([
  ["2026-06-15T12:00:00Z", "now"],
  ["2026-06-15T12:00:30Z", "now"],
  ["2026-06-15T11:59:59Z", "1 second ago"],
  ["2026-06-15T11:58:01Z", "119 seconds ago"],
  ["2026-06-15T11:58:00Z", "2 minutes ago"],
  ["2026-06-13T12:00:01Z", "47 hours ago"],
  ["2026-06-13T12:00:00Z", "2 days ago"],
  ["2026-06-01T12:00:00Z", "2 weeks ago"],
  ["2021-06-15T12:00:00Z", "4 years ago"],
  ["not a time", "not a time"],
])("formatSince() of %s is %s", (iso, text) => {
  expect(formatSince(iso, now)).toBe(text);
});

test.each([
  [`sha256:0123456789ab${"c".repeat(52)}`, "sha256:0123456789ab"],
  [`sha512:0123456789ab${"c".repeat(116)}`, "sha512:0123456789ab"],
  ["no digest", "no digest"],
])("formatDigest() of %s is %s", (digest, text) => {
  expect(formatDigest(digest)).toBe(text);
});
