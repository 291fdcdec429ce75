import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Change, DirectoryAttributes, Leaf, Listing, RegularFile } from "../../../src/layer/listing.ts";
import { ListingBuilder } from "../../../src/layer/listing-builder.ts";
import type { TarEntry } from "../../../src/layer/tar-entry.ts";
import { TarParser } from "../../../src/layer/tar-parser.ts";
import { writeTar } from "../../../src/layer/write-tar.ts";

const CONTENT = Buffer.from("content\n");
const ATTRIBUTES = { mode: 0o644, uid: 0, gid: 0, mtime: 1_234_567_890_000_000_000n, xattrs: [] };

async function tarOf(listing: Listing): Promise<Buffer> {
  async function* read(_: RegularFile): AsyncGenerator<Uint8Array> {
    yield CONTENT;
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(listing, read)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** As the store reads a layer. */
function parse(tar: Buffer): Listing {
  const builder = new ListingBuilder();
  let hash = createHash("sha256");
  let last: TarEntry | undefined;
  const parser = new TarParser({
    entry(entry) {
      last = entry;
      hash = createHash("sha256");
      if (entry.type !== "file") builder.add(entry);
    },
    data: (bytes) => void hash.update(bytes),
    hole: () => {},
    end: () => builder.add(last as TarEntry, last?.size === 0 ? "" : hash.digest("hex")),
  });
  parser.push(tar);
  parser.end();
  return builder.finish();
}

const file = async (more: Partial<RegularFile> = {}): Promise<RegularFile> => {
  const sha256 = createHash("sha256").update(CONTENT).digest("hex");
  return { ...ATTRIBUTES, type: "file", size: CONTENT.length, sha256, ...more };
};

const add = (path: string, node: Leaf | DirectoryAttributes): Change => ({ kind: "add", path, node });

test.each([
  ["an ordinary file", async () => [add("a", await file())]],
  ["an empty file", async () => [add("a", await file({ size: 0, sha256: "" }))]],
  [
    "setuid and large ids",
    async () => [add("a", await file({ mode: 0o4755, uid: 4_294_967_290, gid: 2_097_152 }))],
  ],
  ["a time with nanoseconds", async () => [add("a", await file({ mtime: 1_234_567_890_123_456_789n }))]],
  ["a time before 1970", async () => [add("a", await file({ mtime: -1_500_000_000n }))]],
  ["a name of exactly 100 bytes", async () => [add("n".repeat(100), await file())]],
  ["a name of 101 bytes", async () => [add("n".repeat(101), await file())]],
  ["a deep name", async () => [add(Array.from({ length: 60 }, () => "deep").join("/"), await file())]],
  ["a name that is not UTF-8", async () => [add("\xff\xfe", await file())]],
  [
    "binary attributes",
    async () => [
      add(
        "a",
        await file({
          xattrs: [{ name: "security.capability", value: Buffer.from([1, 0, 0, 2, 255, 10, 0]) }],
        }),
      ),
    ],
  ],
  ["a directory", async () => [add("d", { ...ATTRIBUTES, type: "directory", mode: 0o1777 })]],
  [
    "a long symlink",
    async () => [add("l", { ...ATTRIBUTES, mode: 0o777, type: "symlink", target: `/${"t".repeat(150)}` })],
  ],
  [
    "devices and a fifo",
    async () => [
      add("c", { ...ATTRIBUTES, type: "char", major: 1, minor: 3 }),
      add("d", { ...ATTRIBUTES, type: "block", major: 259, minor: 70_000 }),
      add("f", { ...ATTRIBUTES, type: "fifo" }),
    ],
  ],
  ["hard links", async () => [add("a", await file()), { kind: "link" as const, path: "b", target: "a" }]],
  ["a link to a lower layer", async () => [{ kind: "lower-link" as const, path: "b", target: "lower" }]],
  [
    "whiteouts",
    async () => [
      { kind: "whiteout" as const, path: "d/gone" },
      { kind: "whiteout" as const, path: "gone" },
      { kind: "opaque" as const, path: "d" },
    ],
  ],
] as [string, () => Promise<Change[]>][])(
  "writeTar writes %s so that it is read back the same",
  async (_, make) => {
    const changes = await make();
    expect(parse(await tarOf({ changes })).changes).toEqual(changes);
  },
);
