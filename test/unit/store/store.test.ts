import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  type Stats,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Event } from "../../../src/events.ts";
import { sha256 } from "../../../src/oci/digest.ts";
import { checkTree } from "../../../src/store/check-tree.ts";
import { removeTree } from "../../../src/store/files.ts";
import { Store, type StoredImage } from "../../../src/store/store.ts";
import { listingOf } from "../../support/listing-of.ts";
import { imageOf, type MemoryImage, noise } from "../../support/raw-image.ts";
import { paxEntry, rawEntry, rawTar, tarOf } from "../../support/tar.ts";

let dir: string;
let store: Store;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "berth-store-"));
  store = await Store.open(join(dir, "state"));
});
afterEach(async () => {
  await removeTree(dir);
});

const NAME = "docker.io/library/test:latest";
const add = (image: MemoryImage, name = NAME): Promise<StoredImage> =>
  store.add({ ...image, names: [name] }, { blob: image.blob });
const rootfs = (name = "a"): string => join(dir, "state/containers", name);
const checkout = async (image: StoredImage, name = "a"): Promise<string> => {
  await store.checkout(await store.tree(image), rootfs(name));
  return rootfs(name);
};

const BASE = await tarOf([
  { name: "etc/", type: "directory", mode: 0o750, gid: 5 },
  { name: "etc/passwd", content: "root:x:0:0\n" },
  {
    name: "bin/tool",
    content: noise(3_000_000, "tool"),
    mode: 0o4755,
    uid: 7,
    gid: 8,
    mtime: new Date(1_500_000_000_000),
  },
  { name: "sh", type: "symlink", linkname: "bin/tool" },
  { name: "hard", type: "link", linkname: "etc/passwd" },
  { name: "empty", content: "" },
]);
const TOP = await tarOf([
  { name: "etc/.wh.passwd", content: "" },
  { name: "opt/a", content: "a" },
]);

describe("Store.open()", () => {
  test("makes everything 0700", async () => {
    expect(listingOf(join(dir, "state")).map((line) => line.split(" ").slice(0, 4).join(" "))).toEqual([
      ". 4 700 0:0",
      "/containers 4 700 0:0",
      "/containers/.journal 4 700 0:0",
      "/containers/.lock 4 700 0:0",
      "/containers/.state 4 700 0:0",
      "/scratch 4 700 0:0",
      "/store 4 700 0:0",
      "/store/format 10 600 0:0",
      "/store/images 4 700 0:0",
      "/store/layers 4 700 0:0",
      "/store/lock 10 600 0:0",
      "/store/names 4 700 0:0",
      "/store/objects 4 700 0:0",
      "/store/tmp 4 700 0:0",
    ]);
    expect(readFileSync(store.layout.format, "utf8")).toBe("berth-store 1\n");
  });

  test("create: false makes nothing and finds nothing", async () => {
    const none = await Store.open(join(dir, "none"), { create: false });
    expect(await none.names()).toEqual([]);
    expect(await none.find("busybox")).toBeUndefined();
    expect(readdirSync(dir)).toEqual(["state"]);
  });

  test.each([
    ["berth-store 2\n", "has format 2, this berth knows 1"],
    ["garbage", "is not a store's"],
  ])("refuses a store of format %j", async (text, message) => {
    writeFileSync(store.layout.format, text);
    await expect(Store.open(join(dir, "state"))).rejects.toThrow(
      expect.objectContaining({ code: "STORE_FORMAT", message: expect.stringContaining(message) as string }),
    );
  });

  test("several processes may open a new store at once", async () => {
    await Promise.all(Array.from({ length: 4 }, () => Store.open(join(dir, "new"))));
    expect(readdirSync(join(dir, "new/store/tmp"))).toEqual([]);
  });
});

describe("Store.add()", () => {
  test.each(["gzip", "zstd", "none"] as const)(
    "stores a %s image that can be found, read and checked out",
    async (compression) => {
      const image = imageOf([BASE, TOP], { compression, config: { Cmd: ["/bin/tool"] } });
      const added = await add(image);
      expect(added).toMatchObject({ digest: image.digest, config: { config: { cmd: ["/bin/tool"] } } });
      expect(added.size).toBe([...image.blobs.values()].reduce((sum, { length }) => sum + length, 0));
      expect(await store.names()).toEqual([{ name: NAME, image: added }]);
      expect((await store.find("test"))?.image).toEqual(added);
      expect(await store.image(image.digest)).toEqual(added);
      expect(listingOf(await checkout(added), { times: true })).toMatchSnapshot();
    },
  );

  test("objects are named by the SHA-256 of their content", async () => {
    await add(imageOf([BASE, TOP]));
    const names = readdirSync(store.layout.objects).flatMap((prefix) =>
      readdirSync(join(store.layout.objects, prefix)),
    );
    expect(names.map((name) => name.slice(65)).sort()).toEqual(["4755.7.8", "644.0.0", "644.0.0"]);
    for (const name of names) {
      const content = readFileSync(store.layout.object(name));
      expect(createHash("sha256").update(content).digest("hex")).toBe(name.slice(0, 64));
    }
  });

  test("takes only the layers that are missing, and none for a known image", async () => {
    const [first, second] = [imageOf([BASE]), imageOf([BASE, TOP], { compression: "zstd" })];
    await add(first);
    const events: Event[] = [];
    await store.add(
      { ...second, names: ["other"] },
      { blob: second.blob, report: (event) => events.push(event) },
    );
    expect(second.asked).toEqual([[...second.blobs.keys()][1]]);
    expect(events.map((event) => (event.type === "layer" ? event.state : event.type))).toEqual([
      "present",
      "receiving",
      "stored",
    ]);
    const again = imageOf([BASE, TOP], { compression: "zstd" });
    const stored = await store.add({ ...again, names: ["third"] }, { blob: again.blob });
    expect(again.asked).toEqual([]);
    expect(stored.created).toBe((await store.find("other"))?.image.created);
    expect((await store.names()).map(({ name }) => name)).toEqual([NAME, "other", "third"]);
  });

  test("a layer that an image has twice is read once", async () => {
    const image = imageOf([TOP, TOP]);
    await add(image);
    expect(image.asked).toHaveLength(1);
  });

  test("an object that exists stays, so that checkouts go on sharing it; its time is the first layer's", async () => {
    const tar = (seconds: number): Promise<Buffer> =>
      tarOf([
        { name: "f", content: "same", mtime: new Date(seconds * 1000) },
        { name: `only-${seconds}`, content: `${seconds}` },
      ]);
    const a = await checkout(await add(imageOf([await tar(1000)])), "a");
    const b = await checkout(await add(imageOf([await tar(2000)]), "b"), "b");
    expect(lstatSync(join(b, "f")).ino).toBe(lstatSync(join(a, "f")).ino);
    expect(lstatSync(join(b, "f")).mtimeMs).toBe(1_000_000);
  });

  test("a source whose time its .pyc records has its own time in each checkout", async () => {
    const tar = (seconds: number): Promise<Buffer> => {
      const mtime = new Date(seconds * 1000);
      return tarOf([
        { name: "a/mod.py", content: "x = 1\n", mtime },
        { name: "a/other.py", content: "x = 2\n", mtime },
        { name: "a/same.py", content: "x = 3\n", mtime: new Date(500_000) },
        { name: `a/${seconds}`, content: `${seconds}` },
      ]);
    };
    // As an image often has it: the bytecode comes in a later layer than the source.
    const bytecode = await tarOf([
      { name: "a/__pycache__/mod.cpython-311.pyc", content: "bytecode" },
      { name: "a/__pycache__/same.cpython-311.opt-1.pyc", content: "bytecode" },
    ]);
    const a = await checkout(await add(imageOf([await tar(1000), bytecode])), "a");
    const stored = await add(imageOf([await tar(2000), bytecode]), "b");
    const b = await checkout(stored, "b");
    const stat = (root: string, name: string): Stats => lstatSync(join(root, "a", name));
    expect([stat(a, "mod.py").mtimeMs, stat(b, "mod.py").mtimeMs]).toEqual([1_000_000, 2_000_000]);
    expect(readFileSync(join(b, "a/mod.py"), "utf8")).toBe("x = 1\n");
    for (const name of ["other.py", "same.py"]) expect(stat(b, name).ino).toBe(stat(a, name).ino);
    const options = { dir: b, isMountPoint: () => false };
    for (const mustShare of [false, true]) {
      const { damaged } = await checkTree(store.layout, await store.tree(stored), { ...options, mustShare });
      expect(damaged).toEqual([]);
    }
  });

  test("same content with another mode, owner or xattr is another object", async () => {
    const layer = rawTar(
      rawEntry({ name: "a" }, "x"),
      rawEntry({ name: "b", mode: "0000600\0" }, "x"),
      rawEntry({ name: "c", uid: "0000001\0" }, "x"),
      paxEntry({ "SCHILY.xattr.user.k": "v" }),
      rawEntry({ name: "d" }, "x"),
    );
    const root = await checkout(await add(imageOf([layer])));
    expect(new Set(["a", "b", "c", "d"].map((name) => lstatSync(join(root, name)).ino)).size).toBe(4);
  });

  test("a second puller of the same layer waits for the first and uses its work", async () => {
    const [first, second] = [imageOf([BASE]), imageOf([BASE])];
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const slow = store.add(
      { ...first, names: ["first"] },
      {
        async *blob(descriptor) {
          await gate;
          yield* first.blob(descriptor);
        },
      },
    );
    const other = await Store.open(join(dir, "state"));
    const waiting = other.add({ ...second, names: ["second"] }, { blob: second.blob });
    setTimeout(open, 100);
    await Promise.all([slow, waiting]);
    expect([first.asked.length, second.asked.length]).toEqual([1, 0]);
    expect((await store.names()).map(({ name }) => name)).toEqual(["first", "second"]);
    expect(readdirSync(store.layout.tmp)).toEqual([]);
  });

  test("several large layers are read by two workers", async () => {
    const large = (seed: string): Promise<Buffer> =>
      tarOf([{ name: seed, content: noise(17_000_000, seed) }]);
    const image = imageOf([await large("a"), await large("b"), TOP], { compression: "none" });
    const stored = await add(image);
    expect(readFileSync(join(await checkout(stored), "b")).equals(noise(17_000_000, "b"))).toBe(true);
  }, 30_000);
});

describe("Store.unname() and Store.prune()", () => {
  test("what no name refers to goes, what is shared stays", async () => {
    const kept = imageOf([BASE]);
    await add(kept, "kept");
    const before = listingOf(store.layout.store);
    const gone = imageOf([BASE, TOP]);
    await add(gone, "gone");
    await store.unname("gone");
    expect(await store.prune()).toMatchObject({ objects: 1, layers: 1, images: 1 });
    const withoutEmpty = listingOf(store.layout.store).filter(
      (line) => !line.startsWith("/objects/") || line.includes("."),
    );
    expect(withoutEmpty).toEqual(
      before.filter((line) => !line.startsWith("/objects/") || line.includes(".")),
    );
    await checkout((await store.find("kept"))?.image as StoredImage);
    expect(await store.prune()).toEqual({ objects: 0, bytes: 0, layers: 0, images: 0 });
  });

  test("`keep` holds an image that has no name", async () => {
    const image = imageOf([BASE, TOP]);
    await add(image);
    await store.unname(NAME);
    expect(await store.prune({ keep: () => [image.digest] })).toMatchObject({ objects: 0, images: 0 });
    expect(await store.prune()).toMatchObject({ images: 1, layers: 2, objects: 3 });
    await add(image);
    await checkout((await store.find("test"))?.image as StoredImage);
  });

  test("unname() of an unknown name is IMAGE_UNKNOWN", async () => {
    await expect(store.unname("none")).rejects.toThrow(
      expect.objectContaining({ code: "IMAGE_UNKNOWN", message: "no image is named none" }),
    );
  });
});

describe("Store.checkout()", () => {
  test("every kind of entry, exactly", async () => {
    const capability = Buffer.from("0100000202000000000000000000000000000000", "hex");
    const layer = rawTar(
      rawEntry({ name: "d", type: "5", mode: "0001777\0", mtime: 5 }),
      paxEntry({ uid: "4000000000", gid: "3000000", mtime: "-86400.000000007" }),
      rawEntry({ name: "d/old", mode: "0006755\0" }, "x"),
      paxEntry({ "SCHILY.xattr.security.capability": capability, mtime: "1700000000.123456789" }),
      rawEntry({ name: "ping", mode: "0000755\0", uid: "0000007\0" }, "ping"),
      paxEntry({ "SCHILY.xattr.user.dir": Buffer.from([0, 255]) }),
      rawEntry({ name: "x", type: "5" }),
      rawEntry({ name: "null", type: "3", major: "0000001\0", minor: "0000003\0", mode: "0000666\0" }),
      rawEntry({ name: "disk", type: "4", major: "0000010\0", minor: "0000001\0", uid: "0000006\0" }),
      rawEntry({ name: "pipe", type: "6", mode: "0000622\0" }),
      rawEntry({ name: "empty", mode: "0004711\0" }),
      rawEntry({ name: "empty2", type: "1", linkname: "empty" }),
      rawEntry({ name: "link", type: "2", linkname: Buffer.from([0xff, 0x2f, 0x2e]), mtime: 9 }),
      rawEntry({ name: "link2", type: "1", linkname: "link" }),
      rawEntry({ name: Buffer.from([0xff, 0xfe, 0x61]), mode: "0000600\0" }, "bytes"),
      rawEntry({ name: Buffer.from([0xfe, 0x64]), type: "5" }),
      rawEntry({ name: Buffer.from([0xfe, 0x64, 0x2f, 0xff]), type: "2", linkname: "x" }),
    );
    const root = await checkout(await add(imageOf([layer])));
    expect(listingOf(root, { times: true })).toMatchSnapshot();
    expect(lstatSync(join(root, "empty2")).ino).toBe(lstatSync(join(root, "empty")).ino);
    expect(lstatSync(join(root, "link2")).ino).toBe(lstatSync(join(root, "link")).ino);
    expect(lstatSync(join(root, "ping")).nlink).toBe(2);
  });

  test("empty files are never shared with another checkout", async () => {
    const image = await add(imageOf([BASE]));
    const [a, b] = [await checkout(image, "a"), await checkout(image, "b")];
    expect(lstatSync(join(a, "empty")).nlink).toBe(1);
    expect(lstatSync(join(a, "empty")).ino).not.toBe(lstatSync(join(b, "empty")).ino);
    expect(lstatSync(join(a, "bin/tool")).ino).toBe(lstatSync(join(b, "bin/tool")).ino);
  });

  test("a sparse file stays sparse", async () => {
    const layer = rawTar(
      paxEntry({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "50000000" }),
      rawEntry(
        { name: "big" },
        Buffer.concat([Buffer.from("1\n25000000\n3\n".padEnd(512, "\0")), Buffer.from("abc")]),
      ),
    );
    const root = await checkout(await add(imageOf([layer])));
    const stat = lstatSync(join(root, "big"));
    expect(stat.size).toBe(50_000_000);
    expect(stat.blocks * 512).toBeLessThan(100_000);
    const expected = Buffer.alloc(50_000_000);
    expected.write("abc", 25_000_000);
    expect(readFileSync(join(root, "big")).equals(expected)).toBe(true);
  });

  test("mount targets are made, and counted", async () => {
    const image = await add(imageOf([BASE]));
    const tree = await store.tree(image);
    const mountTargets = [
      { path: "/proc", type: "dir" as const },
      { path: "/etc/hosts", type: "file" as const },
    ];
    expect(await store.checkout(tree, rootfs(), { mountTargets })).toEqual({ files: 6, dirs: 4 });
    expect(lstatSync(join(rootfs(), "etc/hosts")).size).toBe(0);
    expect(lstatSync(join(rootfs(), "etc")).mtimeMs).toBe(0);
  });

  test("more links than the file system counts are copied, and said once", async () => {
    mkdirSync(rootfs("fill"));
    const image = await add(
      imageOf([
        await tarOf([
          { name: "f", content: "x", mode: 0o640, uid: 3 },
          { name: "g", content: "y" },
        ]),
      ]),
    );
    const name = `${sha256(Buffer.from("x")).slice(7)}.640.3.0`;
    const { linkSync } = await import("node:fs");
    for (let n = lstatSync(store.layout.object(name)).nlink; n < 65_000; n++)
      linkSync(store.layout.object(name), join(rootfs("fill"), String(n)));
    const events: Event[] = [];
    const told = await Store.open(join(dir, "state"), { report: (event) => events.push(event) });
    await told.checkout(await told.tree(image), rootfs());
    expect(events).toEqual([
      { type: "warning", message: expect.stringMatching(/^1 files were copied/) as string },
    ]);
    expect(lstatSync(join(rootfs(), "f"))).toMatchObject({ nlink: 1, uid: 3, size: 1, mtimeMs: 0 });
    expect(lstatSync(join(rootfs(), "f")).mode & 0o7777).toBe(0o640);
  }, 60_000);

  test("a missing object is STORE_CORRUPT naming it, and nothing stays", async () => {
    const image = await add(imageOf([BASE]));
    const name = `${sha256(Buffer.from("root:x:0:0\n")).slice(7)}.644.0.0`;
    rmSync(store.layout.object(name));
    await expect(checkout(image)).rejects.toThrow(
      expect.objectContaining({
        code: "STORE_CORRUPT",
        message: expect.stringContaining(`${name} (/hard) is missing`) as string,
      }),
    );
    expect(readdirSync(store.layout.containers).sort()).toEqual([".journal", ".lock", ".state"]);
  });

  test("an existing directory is left alone", async () => {
    const image = await add(imageOf([BASE]));
    mkdirSync(rootfs());
    writeFileSync(join(rootfs(), "mine"), "");
    await expect(checkout(image)).rejects.toThrow(expect.objectContaining({ code: "EEXIST" }));
    expect(readdirSync(rootfs())).toEqual(["mine"]);
  });

  test("an interrupt leaves nothing", async () => {
    const files = Array.from({ length: 5000 }, (_, at) => ({
      name: `d${at % 50}/f${at}`,
      content: `${at % 10}`,
    }));
    const image = await add(imageOf([await tarOf(files)]));
    const abort = new AbortController();
    const tree = await store.tree(image);
    const running = store.checkout(tree, rootfs(), { signal: abort.signal });
    setTimeout(() => abort.abort(), 5);
    await expect(running).rejects.toThrow(expect.objectContaining({ code: "INTERRUPTED" }));
    expect(readdirSync(store.layout.containers).sort()).toEqual([".journal", ".lock", ".state"]);
  });
});

describe("Store.readFile()", () => {
  test("follows symlinks inside the tree", async () => {
    const tree = await store.tree(await add(imageOf([BASE])));
    expect(String(await store.readFile(tree, "/etc/passwd"))).toBe("root:x:0:0\n");
    expect(String(await store.readFile(tree, "hard"))).toBe("root:x:0:0\n");
    expect((await store.readFile(tree, "sh"))?.length).toBe(3_000_000);
    expect(await store.readFile(tree, "/empty")).toEqual(Buffer.alloc(0));
    expect(await store.readFile(tree, "/none")).toBeUndefined();
  });

  test.each([
    ["/etc", 100, "/etc in the image is a directory, not a file"],
    ["/sh", 100, "/sh in the image has 3000000 bytes, at most 100 are read"],
  ])("refuses %s", async (path, limit, message) => {
    const tree = await store.tree(await add(imageOf([BASE])));
    await expect(store.readFile(tree, path, { limit })).rejects.toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message }),
    );
  });

  test("a damaged object is noticed", async () => {
    const tree = await store.tree(await add(imageOf([BASE])));
    const object = store.layout.object(`${sha256(Buffer.from("root:x:0:0\n")).slice(7)}.644.0.0`);
    chmodSync(object, 0o644);
    writeFileSync(object, "root:x:1:0\n");
    await expect(store.readFile(tree, "/etc/passwd")).rejects.toThrow(
      expect.objectContaining({ code: "STORE_CORRUPT" }),
    );
  });
});

test("Store.open() as another user says to be root", async () => {
  const program = `
    import { Store } from ${JSON.stringify(new URL("../../../src/store/store.ts", import.meta.url).href)};
    process.setuid(65534);
    for (const state of process.argv.slice(1)) await Store.open(state).catch((error) => console.log(error.code));
  `;
  const states = [join(dir, "state"), join(dir, "other")];
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program, ...states], {
    encoding: "utf8",
  });
  expect(stdout).toBe("NOT_ROOT\nNOT_ROOT\n");
});
