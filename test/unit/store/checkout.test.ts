import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Event } from "../../../src/events.ts";
import type { RegularFile } from "../../../src/layer/listing.ts";
import { impliedDirectory, type Tree, type TreeDirectory } from "../../../src/layer/tree.ts";
import { sha256 } from "../../../src/oci/digest.ts";
import { checkoutTree } from "../../../src/store/checkout.ts";
import { type Layout, layoutOf } from "../../../src/store/layout.ts";
import { objectName } from "../../../src/store/object-name.ts";

/** So many that a second thread takes part, and ext4 cannot count the links to one object. */
const DIRECTORIES = 66;
const FILES = 1000;

let layout: Layout;
let dir: string;
beforeEach(() => {
  const state = mkdtempSync(join(tmpdir(), "berth-checkout-"));
  layout = layoutOf(state);
  dir = join(state, "rootfs");
});
afterEach(() => {
  rmSync(layout.state, { recursive: true });
});

describe("checkoutTree() of many files, two threads", { timeout: 60_000 }, () => {
  test("makes all of them, copies where the links are used up, and says so once", async () => {
    const events: Event[] = [];
    const counts = await checkoutTree(layout, manyFiles(), { dir, report: (event) => events.push(event) });
    expect(counts).toEqual({ files: DIRECTORIES * FILES, dirs: DIRECTORIES + 1 });
    const sizes = readdirSync(dir).flatMap((name) =>
      readdirSync(join(dir, name)).map((file) => lstatSync(join(dir, name, file)).size),
    );
    expect(sizes).toEqual(Array.from({ length: DIRECTORIES * FILES }, () => CONTENT.length));
    expect(events.length).toBeLessThanOrEqual(1); // none where the file system counts further
  });

  test("a missing object is STORE_CORRUPT naming it, and nothing stays", async () => {
    const tree = manyFiles();
    unlinkSync(layout.object(objectName(FILE.sha256, FILE)));
    await expect(checkoutTree(layout, tree, { dir })).rejects.toMatchObject({
      code: "STORE_CORRUPT",
      message: expect.stringMatching(/object .* \(\/\d+\/\d+\) is missing/),
    });
    expect(readdirSync(layout.state)).toEqual(["store"]);
  });

  test("an interrupt leaves nothing", async () => {
    const signal = AbortSignal.timeout(50);
    await expect(checkoutTree(layout, manyFiles(), { dir, signal })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    expect(readdirSync(layout.state)).toEqual(["store"]);
  });
});

const CONTENT = Buffer.from("one file, many names\n");
const FILE: RegularFile = {
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 0n,
  xattrs: [],
  size: CONTENT.length,
  sha256: sha256(CONTENT).slice("sha256:".length),
};

/** A tree whose files all have one content, with its object in the store. */
function manyFiles(): Tree {
  const object = layout.object(objectName(FILE.sha256, FILE));
  mkdirSync(dirname(object), { recursive: true });
  writeFileSync(object, CONTENT);
  const root = impliedDirectory();
  for (let at = 0; at < DIRECTORIES; at++) root.children.set(String(at), directoryOfFiles());
  return { root };
}

function directoryOfFiles(): TreeDirectory {
  const directory = impliedDirectory();
  for (let at = 0; at < FILES; at++) directory.children.set(String(at), { ...FILE });
  return directory;
}
