import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { sha256 } from "../../../src/oci/digest.ts";
import { removeTree } from "../../../src/store/files.ts";
import { removeDamaged } from "../../../src/store/refetch.ts";
import { Store, type StoredImage } from "../../../src/store/store.ts";
import { verifyStore } from "../../../src/store/verify-store.ts";
import { imageOf, type MemoryImage, noise } from "../../support/raw-image.ts";
import { tarOf } from "../../support/tar.ts";

let dir: string;
let store: Store;
let other: Store;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "berth-beside-"));
  store = await Store.open(join(dir, "state"));
  other = await Store.open(join(dir, "state"));
});
afterEach(async () => {
  await removeTree(dir);
});

const SHARED = noise(50_000, "shared");
const BASE = await tarOf([{ name: "shared", content: SHARED }]);
const GARBAGE = await tarOf([
  { name: "shared", content: SHARED },
  { name: "garbage", content: "garbage" },
]);
/** Brings a file that GARBAGE has too, then enough that it is read before the rest comes. */
const SLOW = await tarOf([
  { name: "shared", content: SHARED },
  { name: "large", content: noise(2_000_000, "large") },
]);

/** An image whose last layer stops in the middle until it is told to go on. */
function stalling(image: MemoryImage): {
  blob(descriptor: Descriptor): AsyncGenerator<Uint8Array>;
  isStalled: Promise<void>;
  goOn(): void;
} {
  const stalled = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const last = [...image.blobs.keys()].at(-1);
  return {
    async *blob(descriptor) {
      let sent = 0;
      for await (const chunk of image.blob(descriptor)) {
        yield chunk;
        sent += chunk.length;
        if (descriptor.digest !== last || sent < 1_000_000) continue;
        stalled.resolve();
        await gate.promise;
      }
    },
    isStalled: stalled.promise,
    goOn: gate.resolve,
  };
}

async function addAndForget(...layers: Buffer[]): Promise<void> {
  const image = imageOf(layers);
  await store.add({ ...image, names: ["forgotten"] }, { blob: image.blob });
  await store.unname("forgotten");
}

async function expectWhole(image: StoredImage): Promise<void> {
  expect((await verifyStore(store.layout, { jobs: 1 })).damaged).toEqual([]);
  const root = join(store.layout.containers, "a");
  await store.checkout(await store.tree(image), root);
  expect(readFileSync(join(root, "shared")).equals(SHARED)).toBe(true);
  expect(readFileSync(join(root, "large")).equals(noise(2_000_000, "large"))).toBe(true);
  expect(readdirSync(store.layout.tmp)).toEqual([]);
}

describe("a prune beside a pull that stalls", () => {
  test("ends at once, and takes nothing that the pull counts on", async () => {
    await addAndForget(GARBAGE);
    await addAndForget(BASE);
    const image = imageOf([BASE, SLOW]);
    const { blob, isStalled, goOn } = stalling(image);
    const pull = store.add({ ...image, names: ["slow"] }, { blob });
    await isStalled;
    await expect.poll(() => existsReused(store.layout.tmp), { timeout: 20_000 }).toBe(true);
    const dry = await other.prune({ dryRun: true });
    const begun = performance.now();
    const pruned = await other.prune();
    expect(performance.now() - begun).toBeLessThan(1000);
    // The forgotten images, the layer that the pull does not have, and the file that only that one had.
    expect(pruned).toMatchObject({ images: 2, layers: 1, objects: 1 });
    expect(dry).toEqual(pruned);
    goOn();
    await expectWhole(await pull);
    expect(image.asked).toHaveLength(1);
    expect(await other.prune()).toMatchObject({ images: 0, layers: 0, objects: 0 });
  });

  test("a kept blob of the pull stays", async () => {
    const image = imageOf([BASE, SLOW]);
    const { blob, isStalled, goOn } = stalling(image);
    const keep = (layer: Descriptor): AsyncGenerator<Uint8Array> => store.keepBlob(layer, blob(layer));
    const pull = store.add({ ...image, names: ["slow"] }, { blob: keep });
    await isStalled;
    await other.prune();
    goOn();
    await expectWhole(await pull);
    expect(readdirSync(store.layout.blobs).sort()).toEqual(
      [...image.blobs.keys()].map((digest) => digest.slice("sha256:".length)).sort(),
    );
  });

  test("what is taken although the pull counts on it is received again", async () => {
    await addAndForget(BASE);
    const image = imageOf([SLOW]);
    const { blob, isStalled, goOn } = stalling(image);
    const pull = store.add({ ...image, names: ["slow"] }, { blob });
    await isStalled;
    await expect.poll(() => existsReused(store.layout.tmp), { timeout: 20_000 }).toBe(true);
    const object = store.layout.object(`${sha256(SHARED).slice("sha256:".length)}.644.0.0`);
    await removeDamaged(store.layout, object);
    goOn();
    await expectWhole(await pull);
    expect(image.asked).toHaveLength(2);
  });

  test("what a failed pull counted on goes with the next prune", async () => {
    await addAndForget(BASE);
    const image = imageOf([BASE, SLOW]);
    const { blob, isStalled, goOn } = stalling(image);
    const stop = new AbortController();
    const pull = store.add({ ...image, names: ["slow"] }, { blob, signal: stop.signal });
    await isStalled;
    expect(await other.prune()).toMatchObject({ images: 1, layers: 0, objects: 0 });
    stop.abort();
    await expect(pull).rejects.toThrow(expect.objectContaining({ code: "INTERRUPTED" }));
    goOn();
    expect(await other.prune()).toMatchObject({ images: 0, layers: 1, objects: 1 });
    expect(readdirSync(store.layout.tmp)).toEqual([]);
  });
});

function existsReused(tmp: string): boolean {
  return readdirSync(tmp).some(
    (id) => existsSync(join(tmp, id, "1.reused")) || existsSync(join(tmp, id, "0.reused")),
  );
}
