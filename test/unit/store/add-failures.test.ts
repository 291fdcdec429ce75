import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Digest, sha256 } from "../../../src/oci/digest.ts";
import { verifyStream } from "../../../src/oci/verified-stream.ts";
import { removeTree } from "../../../src/store/files.ts";
import { Store } from "../../../src/store/store.ts";
import { listingOf } from "../../support/listing-of.ts";
import { imageOf, type MemoryImage, noise } from "../../support/raw-image.ts";
import { END, paxEntry, rawEntry, rawTar, tarOf } from "../../support/tar.ts";

let dir: string;
let store: Store;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "berth-fail-"));
  store = await Store.open(join(dir, "state"));
});
afterEach(async () => {
  await removeTree(dir);
});

const GOOD = await tarOf([{ name: "good", content: noise(200_000, "good") }]);
const LARGE = await tarOf([
  { name: "a", content: noise(100_000, "a") },
  { name: "large", content: noise(3_000_000, "large") },
]);

const add = (image: MemoryImage, options: { signal?: AbortSignal; limit?: number } = {}): Promise<unknown> =>
  store.add({ ...image, names: ["test"] }, { blob: image.blob, ...options });

/** The image with a blob in place of its last layer's. */
function withBlob(image: MemoryImage, change: (blob: Buffer) => Buffer): MemoryImage {
  const digest = [...image.blobs.keys()].at(-1) as string;
  image.blobs.set(digest, change(image.blobs.get(digest) as Buffer));
  return image;
}

/** All files; the lock's content says who took it last. */
const everything = (root: string): string[] =>
  listingOf(root).filter((line) => !line.startsWith("/state/store/lock "));

/** Adds, expects the failure, and that all is as before; the first layer of each image is good. */
async function expectFailure(
  adding: () => Promise<unknown>,
  expected: { code: string; message: string },
): Promise<void> {
  const before = everything(dir);
  await expect(adding()).rejects.toThrow(
    expect.objectContaining({
      code: expected.code,
      message: expect.stringContaining(expected.message) as string,
    }),
  );
  expect(everything(dir)).toEqual(before);
}

describe("Store.add() fails and leaves nothing", () => {
  test.each<[string, () => MemoryImage, string, string]>([
    [
      "truncated layer (gzip)",
      () => withBlob(imageOf([GOOD, LARGE]), (blob) => blob.subarray(0, -1000)),
      "LAYER_INVALID",
      "the gzip data is cut",
    ],
    [
      "truncated layer (zstd)",
      () => withBlob(imageOf([GOOD, LARGE], { compression: "zstd" }), (blob) => blob.subarray(0, -1000)),
      "LAYER_INVALID",
      "the zstd data is cut",
    ],
    [
      "truncated layer (tar)",
      () => withBlob(imageOf([GOOD, LARGE], { compression: "none" }), (blob) => blob.subarray(0, 1_000_000)),
      "LAYER_INVALID",
      'entry "large": the archive ends within its data',
    ],
    [
      "damaged layer",
      () =>
        withBlob(imageOf([GOOD, LARGE]), (blob) =>
          Buffer.concat([blob.subarray(0, 500_000), blob.subarray(500_001)]),
        ),
      "LAYER_INVALID",
      "the gzip data is damaged",
    ],
    [
      "digest mismatch of the unpacked layer",
      () => imageOf([GOOD, LARGE], { diffIds: [sha256(GOOD), sha256(Buffer.from("other"))] }),
      "DIGEST_MISMATCH",
      `unpacks to ${sha256(LARGE)}, but the image's config says ${sha256(Buffer.from("other"))}`,
    ],
    [
      "bytes after the end marker that the diffID does not cover",
      () =>
        withBlob(imageOf([GOOD, LARGE], { compression: "none" }), (blob) =>
          Buffer.concat([blob, Buffer.alloc(512)]),
        ),
      "DIGEST_MISMATCH",
      "unpacks to",
    ],
    [
      "a name with `..`",
      () => imageOf([GOOD, rawTar(rawEntry({ name: "../x" }, "x"))]),
      "LAYER_UNSAFE",
      'entry "../x": the name contains `..`',
    ],
    [
      "an absolute name",
      () => imageOf([GOOD, rawTar(rawEntry({ name: "/etc/x" }, "x"))]),
      "LAYER_UNSAFE",
      'entry "/etc/x": the name is absolute',
    ],
    [
      "an unknown type",
      () => imageOf([GOOD, rawTar(rawEntry({ name: "x", type: "V" }))]),
      "LAYER_INVALID",
      'entry "x": unsupported type "V"',
    ],
    [
      "a wrong checksum",
      () => imageOf([GOOD, rawTar(rawEntry({ name: "x", checksum: "wrong" }))]),
      "LAYER_INVALID",
      'entry "x": wrong header checksum',
    ],
    [
      "an extended attribute that the kernel refuses",
      () =>
        imageOf([
          GOOD,
          rawTar(paxEntry({ "SCHILY.xattr.security.capability": "bad" }), rawEntry({ name: "x" }, "x")),
        ]),
      "LAYER_INVALID",
      'entry "x": extended attribute "security.capability": the kernel refuses its value',
    ],
  ])("%s", async (_, image, code, message) => {
    const made = image();
    const digest = [...made.blobs.keys()].at(-1);
    await expectFailure(() => add(made), { code, message: `layer ${digest}: ${message}` });
  });

  test("digest mismatch of the blob, as the verified stream says it", async () => {
    const image = imageOf([GOOD, LARGE]);
    const blob: MemoryImage["blob"] = (descriptor) =>
      verifyStream(image.blob(descriptor), {
        digest: sha256(Buffer.from("expected")),
        size: descriptor.size,
        what: "layer",
      });
    await expectFailure(() => store.add({ ...image, names: ["test"] }, { blob }), {
      code: "DIGEST_MISMATCH",
      message: sha256(Buffer.from("expected")),
    });
  });

  test("a manifest or config that is not what its digest says", async () => {
    const [image, other] = [imageOf([GOOD]), imageOf([LARGE])];
    await expectFailure(() => add({ ...image, digest: other.digest }), {
      code: "DIGEST_MISMATCH",
      message: "the manifest is",
    });
    await expectFailure(() => add({ ...image, configBytes: other.configBytes }), {
      code: "DIGEST_MISMATCH",
      message: "the image config is",
    });
  });

  test("more or fewer diffIDs than layers, and no layers", async () => {
    await expectFailure(() => add(imageOf([GOOD, LARGE], { diffIds: [sha256(GOOD)] })), {
      code: "MANIFEST_INVALID",
      message: "has 2 layers, but its config lists 1",
    });
    await expect(add(imageOf([]))).rejects.toThrow(expect.objectContaining({ code: "MANIFEST_INVALID" }));
  });

  test("statement 13: a bomb stops at the limit", async () => {
    const bomb = rawTar(rawEntry({ name: "zeros" }, Buffer.alloc(30_000_000)));
    await expectFailure(() => add(imageOf([bomb], { compression: "zstd" }), { limit: 1_000_000 }), {
      code: "LAYER_INVALID",
      message: "unpacks to more than 1000000 bytes",
    });
    const hole = rawTar(
      paxEntry({
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": "9000000000000000",
      }),
      rawEntry({ name: "hole" }, "0\n".padEnd(512, "\0")),
    );
    await expectFailure(() => add(imageOf([hole])), {
      code: "LAYER_INVALID",
      message: "unpacks to more than",
    });
  });

  test("interrupted while a stream hangs", async () => {
    const image = imageOf([GOOD, LARGE]);
    const abort = new AbortController();
    const hanging = store.add(
      { ...image, names: ["test"] },
      {
        async *blob(descriptor) {
          const [first] = image.blobs.keys();
          if (descriptor.digest === first) yield* image.blob(descriptor);
          else {
            yield (image.blobs.get(descriptor.digest) as Buffer).subarray(0, 1_000_000);
            setTimeout(() => abort.abort(), 50);
            await new Promise(() => {});
          }
        },
        signal: abort.signal,
      },
    );
    await expectFailure(() => hanging, {
      code: "INTERRUPTED",
      message: "interrupted while a layer was received",
    });
    await add(image);
  });

  test("interrupted before it began", async () => {
    await expectFailure(() => add(imageOf([GOOD]), { signal: AbortSignal.abort() }), {
      code: "INTERRUPTED",
      message: "interrupted",
    });
  });
});

describe("no space", () => {
  const mounted = join(tmpdir(), `berth-full-${process.pid}`);
  const withSmallDisk = async (use: (small: Store) => Promise<void>): Promise<void> => {
    mkdirSync(mounted);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", mounted]);
    try {
      await use(await Store.open(join(mounted, "state")));
    } finally {
      execFileSync("umount", [mounted]);
      await removeTree(mounted);
    }
  };

  test("no space: a blob that is too big is not received", async () => {
    await withSmallDisk(async (small) => {
      const image = imageOf([await tarOf([{ name: "large", content: noise(4_000_000, "x") }])]);
      const before = everything(mounted);
      await expect(small.add({ ...image, names: ["test"] }, { blob: image.blob })).rejects.toThrow(
        expect.objectContaining({
          code: "NO_SPACE",
          message: expect.stringMatching(
            /^no space in \S+\/state\/store: a layer needs at least 4\.0 MB, \d\.\d MB are free$/,
          ) as string,
        }),
      );
      expect(image.asked).toEqual([]);
      expect(everything(mounted)).toEqual(before);
    });
  });

  test("no space: a layer that unpacks to more than there is leaves nothing", async () => {
    await withSmallDisk(async (small) => {
      const image = imageOf([GOOD, rawTar(rawEntry({ name: "zeros" }, Buffer.alloc(10_000_000, "x")))]);
      const before = everything(mounted);
      await expect(small.add({ ...image, names: ["test"] }, { blob: image.blob })).rejects.toThrow(
        expect.objectContaining({
          code: "NO_SPACE",
          message: expect.stringMatching(
            /no space in \S+\/state\/store: layer sha256:\S+ needs at least \d+\.\d kB, .* are free/,
          ) as string,
        }),
      );
      expect(everything(mounted)).toEqual(before);
    });
  });
});

describe("a killed pull", () => {
  const CHILD = `
    import { Store } from ${JSON.stringify(new URL("../../../src/store/store.ts", import.meta.url).href)};
    import { imageOf, noise } from ${JSON.stringify(new URL("../../support/raw-image.ts", import.meta.url).href)};
    import { tarOf } from ${JSON.stringify(new URL("../../support/tar.ts", import.meta.url).href)};
    const image = imageOf([await tarOf([{ name: "f", content: noise(3_000_000, "f") }])]);
    const store = await Store.open(process.argv[1]);
    await store.add({ ...image, names: ["killed"] }, { async *blob(descriptor) {
      const blob = image.blobs.get(descriptor.digest);
      yield blob.subarray(0, 2_000_000);
      setTimeout(() => console.log("receiving"), 100);
      await new Promise(() => setInterval(() => {}, 1000));
    } });
  `;

  test("leaves a staging directory, which the next command removes", async () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", CHILD, join(dir, "state")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    expect(readdirSync(store.layout.tmp).filter((name) => /^[0-9a-f]{16}$/.test(name))).toHaveLength(1);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await store.names()).toEqual([]);
    const image = imageOf([await tarOf([{ name: "f", content: noise(3_000_000, "f") }])]);
    await add(image);
    expect(readdirSync(store.layout.tmp)).toEqual([]);
    expect(image.diffIds.map((diffId: Digest) => store.layout.layer(diffId).split("/").at(-1))).toEqual(
      readdirSync(store.layout.layers),
    );
  }, 20_000);
});

test("an archive that is only an end marker is an empty layer", async () => {
  const stored = await store.add({ ...imageOf([END]), names: ["empty"] }, { blob: imageOf([END]).blob });
  expect((await store.tree(stored)).root.children.size).toBe(0);
});
