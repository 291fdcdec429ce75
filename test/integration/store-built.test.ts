import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { removeTree } from "../../src/store/files.ts";
import { Store } from "../../src/store/store.ts";
import { imageOf, noise } from "../support/raw-image.ts";
import { tarOf } from "../support/tar.ts";

const project = join(import.meta.dirname, "../..");

/** Adds the image that stands beside it, from the built store, whose worker is a .js file. */
const PROGRAM = `
import { readFileSync } from "node:fs";
import { Store } from "./store/store.js";
const [state, manifest, config, layer, digest] = process.argv.slice(2);
const store = await Store.open(state);
await store.add(
  { manifestBytes: readFileSync(manifest), configBytes: readFileSync(config), digest, names: ["built"] },
  { async *blob() { yield readFileSync(layer); } },
);
`;

test("the built store starts its built worker", async () => {
  const dir = mkdtempSync(join(tmpdir(), "berth-built-"));
  try {
    spawnSync(process.execPath, [
      join(project, "node_modules/typescript/bin/tsc"),
      ...[
        "-p",
        join(project, "tsconfig.build.json"),
        "--outDir",
        join(dir, "dist"),
        "--declaration",
        "false",
      ],
    ]);
    symlinkSync(join(project, "node_modules"), join(dir, "node_modules"));
    writeFileSync(join(dir, "package.json"), '{"type":"module"}');
    writeFileSync(join(dir, "dist/add.js"), PROGRAM);
    const image = imageOf([await tarOf([{ name: "file", content: noise(2_000_000, "built") }])]);
    const file = (name: string, bytes: Buffer | undefined): string => {
      writeFileSync(join(dir, name), bytes ?? "");
      return join(dir, name);
    };
    execFileSync(process.execPath, [
      join(dir, "dist/add.js"),
      join(dir, "state"),
      file("manifest", image.manifestBytes),
      file("config", image.configBytes),
      file("layer", [...image.blobs.values()][0]),
      image.digest,
    ]);
    const store = await Store.open(join(dir, "state"));
    const tree = await store.tree((await store.find("built"))?.image ?? (await store.image(image.digest)));
    expect((await store.readFile(tree, "/file"))?.equals(noise(2_000_000, "built"))).toBe(true);
  } finally {
    await removeTree(dir);
  }
});
