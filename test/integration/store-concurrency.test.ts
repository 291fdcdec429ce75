import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { removeTree } from "../../src/store/files.ts";
import { Store } from "../../src/store/store.ts";

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
