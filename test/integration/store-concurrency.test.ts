import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { removeTree } from "../../src/store/files.ts";
import { Store } from "../../src/store/store.ts";
import { documentOf } from "../support/crash.ts";
import { makeImage } from "../support/images.ts";
import { noise } from "../support/raw-image.ts";
import { insecureRoot, startRegistry } from "../support/registry.ts";

const url = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);

/** Adds images that share layers with the others' in both orders, and takes some away again. */
const ADDER = `
import { Store } from ${url("src/store/store.ts")};
import { imageOf } from ${url("test/support/raw-image.ts")};
import { tarOf } from ${url("test/support/tar.ts")};
const [state, id] = process.argv.slice(1);
const layer = (name) => tarOf([{ name, content: name.repeat(1000) }, { name: "shared-" + name, content: "shared" }]);
const shared = [await layer("one"), await layer("two")];
if (Number(id) % 2) shared.reverse();
const store = await Store.open(state);
for (let round = 0; round < 4; round++) {
  const image = imageOf([...shared, await layer("own-" + id + "-" + round)]);
  await store.add({ ...image, names: ["image-" + id + "-" + round] }, { blob: image.blob });
  if (round % 2) await store.unname("image-" + id + "-" + round);
}
`;

const PRUNER = `
import { Store } from ${url("src/store/store.ts")};
const store = await Store.open(process.argv[1]);
for (let round = 0; round < 6; round++) await store.prune();
`;

async function run(program: string, ...args: string[]): Promise<number> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(child, "exit")) as [number];
  return code;
}

test("4 adders beside 2 pruners: all succeed, and what has a name is whole", async () => {
  const dir = mkdtempSync(join(tmpdir(), "berth-concurrent-"));
  const state = join(dir, "state");
  try {
    const adders = ["1", "2", "3", "4"].map((id) => run(ADDER, state, id));
    const pruners = [run(PRUNER, state), run(PRUNER, state)];
    expect(await Promise.all([...adders, ...pruners])).toEqual([0, 0, 0, 0, 0, 0]);
    const store = await Store.open(state);
    const names = await store.names();
    expect(names.map(({ name }) => name)).toEqual(
      ["1", "2", "3", "4"].flatMap((id) => [`image-${id}-0`, `image-${id}-2`]),
    );
    for (const { name, image } of names) {
      const root = join(store.layout.containers, name);
      await store.checkout(await store.tree(image), root);
      const own = name.replace("image", "own");
      for (const file of ["one", "two", own])
        expect(readFileSync(join(root, file), "utf8")).toBe(file.repeat(1000));
      expect(readFileSync(join(root, `shared-${own}`), "utf8")).toBe("shared");
    }
    await store.prune();
    expect(await store.prune()).toEqual({ objects: 0, bytes: 0, layers: 0, images: 0 });
    expect(readdirSync(store.layout.tmp)).toEqual([]);
  } finally {
    await removeTree(dir);
  }
});

test("a prune beside a pull from a registry that stalls ends within a second and takes nothing of it", async () => {
  const registry = await startRegistry();
  const [root, state] = [await insecureRoot(registry.host), mkdtempSync(join(tmpdir(), "berth-stalls-"))];
  const words = ["--state", join(state, "berth")];
  try {
    const shared = { "etc/shared": noise(40_000, "shared") };
    const forgotten = await makeImage({ layers: [shared, { kept: "kept", garbage: "garbage" }] });
    const large = { first: "kept", large: noise(1_000_000, "large"), last: "garbage" };
    const slow = await makeImage({ layers: [shared, large] });
    const [forgottenName, slowName] = [registry.push("forgotten", forgotten), registry.push("slow", slow)];
    await documentOf(root, ...words, "pull", forgottenName);
    const store = await Store.open(join(state, "berth"));
    for (const { name } of await store.names()) await store.unname(name);
    registry.fault({ on: "blob", skip: 1, delay: 150, chunk: 50_000 });
    const pull = documentOf(root, ...words, "pull", slowName);
    const blobs = (): number => registry.requests.filter(({ kind }) => kind === "blob").length;
    const before = blobs();
    await expect.poll(blobs, { timeout: 10_000 }).toBe(before + 2); // its config, and the large layer
    const begun = performance.now();
    await documentOf(root, ...words, "prune");
    expect(performance.now() - begun).toBeLessThan(1000);
    await pull;
    expect(performance.now() - begun).toBeGreaterThan(1000);
    expect(blobs()).toBe(before + 2);
    expect(await documentOf(root, ...words, "verify")).toMatchObject({ clean: true, checked: { images: 1 } });
  } finally {
    await registry.close();
    await removeTree(state);
    await removeTree(root);
  }
});
