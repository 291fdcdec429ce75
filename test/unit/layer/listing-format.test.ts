import { describe, expect, test } from "vitest";
import type { Listing } from "../../../src/layer/listing.ts";
import { decodeListing, encodeListing } from "../../../src/layer/listing-format.ts";

const attributes = { mode: 0o4755, uid: 4_000_000_000, gid: 0, mtime: 0n, xattrs: [] };

const LISTING: Listing = {
  changes: [
    { kind: "add", path: "", node: { type: "directory", ...attributes } },
    { kind: "add", path: "dev/disk", node: { type: "block", ...attributes, major: 4095, minor: 1_048_575 } },
    { kind: "add", path: "dev/null", node: { type: "char", ...attributes, major: 1, minor: 3 } },
    { kind: "add", path: "dev/pipe", node: { type: "fifo", ...attributes, mtime: -1n } },
    { kind: "add", path: "empty", node: { type: "file", ...attributes, size: 0, sha256: "" } },
    {
      kind: "add",
      path: "empty2\u00ff\u0001",
      node: {
        type: "file",
        ...attributes,
        mtime: -86_400_000_000_007n,
        size: Number.MAX_SAFE_INTEGER,
        sha256: "ab".repeat(32),
        xattrs: [
          { name: "security.capability", value: Buffer.from([1, 0, 0xff]) },
          { name: "user.\u00e9", value: Buffer.alloc(0) },
        ],
      },
    },
    { kind: "link", path: "hard", target: "empty" },
    { kind: "lower-link", path: "hard2", target: "x".repeat(300) },
    {
      kind: "add",
      path: "link",
      node: { type: "symlink", ...attributes, mtime: 1_700_000_000_123_456_789n, target: "\u00ff/.." },
    },
    { kind: "whiteout", path: "gone" },
    { kind: "opaque", path: "" },
  ],
};

describe("decodeListing()", () => {
  test("gives back what encodeListing() took", () => {
    expect(decodeListing(encodeListing(LISTING), "it")).toEqual(LISTING);
    expect(decodeListing(encodeListing({ changes: [] }), "it")).toEqual({ changes: [] });
  });

  test("a listing of many entries is compact: what paths share is written once", () => {
    const changes: Listing["changes"] = Array.from({ length: 10_000 }, (_, at) => ({
      kind: "add",
      path: `usr/share/doc/package/${String(at).padStart(6, "0")}`,
      node: { type: "file", ...attributes, uid: 0, size: 1, sha256: "ab".repeat(32) },
    }));
    const bytes = encodeListing({ changes });
    expect(bytes.length).toBeLessThan(10_000 * 52);
    expect(decodeListing(bytes, "it").changes).toEqual(changes);
  });

  test("every altered byte and every cut is noticed", () => {
    const bytes = encodeListing(LISTING);
    for (let at = 0; at < bytes.length; at++) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 0x20;
      expect(() => decodeListing(altered, "it")).toThrow(
        /it (is damaged|is not a layer listing|was written by a later)/,
      );
      expect(() => decodeListing(bytes.subarray(0, at), "it")).toThrow(
        expect.objectContaining({ code: "STORE_CORRUPT" }),
      );
    }
  });

  test("one of a later version is STORE_FORMAT", () => {
    expect(() => decodeListing(Buffer.from("berth-listing 2\nxyz"), "layers/ab")).toThrow(
      expect.objectContaining({
        code: "STORE_FORMAT",
        message: "layers/ab was written by a later version of berth",
      }),
    );
  });
});
