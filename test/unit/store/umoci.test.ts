import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { parseManifest } from "../../../src/oci/manifest.ts";
import { removeTree } from "../../../src/store/files.ts";
import { Store } from "../../../src/store/store.ts";
import { writeLayout } from "../../support/images.ts";
import { listingOf } from "../../support/listing-of.ts";
import { imageOf, noise } from "../../support/raw-image.ts";
import { paxEntry, rawEntry, rawTar, tarOf } from "../../support/tar.ts";

const hasUmoci = ((): boolean => {
  try {
    execFileSync("umoci", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

test.runIf(hasUmoci)("checkout() gives the tree that `umoci unpack` gives", async () => {
  const dir = mkdtempSync(join(tmpdir(), "berth-umoci-"));
  const at = (seconds: number): Date => new Date(seconds * 1000);
  const layers = [
    await tarOf([
      { name: "./", type: "directory", mode: 0o755, mtime: at(1) },
      { name: "etc/", type: "directory", mode: 0o750, gid: 42, mtime: at(2) },
      { name: "etc/passwd", content: "root\n", mtime: at(3) },
      { name: "usr/", type: "directory", mtime: at(4) },
      { name: "usr/lib/", type: "directory", mtime: at(4) },
      {
        name: "usr/lib/big",
        content: noise(2_000_000, "big"),
        mode: 0o4755,
        uid: 1000,
        gid: 1000,
        mtime: at(5),
      },
      { name: "lib", type: "symlink", linkname: "usr/lib", mtime: at(6) },
      { name: "opaque/", type: "directory", mode: 0o711, mtime: at(7) },
      { name: "opaque/old", content: "old", mtime: at(7) },
      { name: "gone/", type: "directory", mtime: at(8) },
      { name: "gone/a", content: "a", mtime: at(8) },
      { name: "becomes-dir", content: "x", mtime: at(8) },
      { name: "becomes-file/", type: "directory", mtime: at(8) },
      { name: "becomes-file/a", content: "x", mtime: at(8) },
      { name: "null", type: "character-device", devmajor: 1, devminor: 3, mode: 0o666, mtime: at(9) },
      { name: "pipe", type: "fifo", mtime: at(9) },
      { name: "empty", content: "", mtime: at(9) },
    ]),
    rawTar(
      rawEntry({ name: "opaque/.wh..wh..opq" }),
      rawEntry({ name: "opaque/new", mtime: 20 }, "new"),
      rawEntry({ name: ".wh.gone" }),
      rawEntry({ name: "becomes-dir", type: "5", mode: "0000700\0", mtime: 21 }),
      rawEntry({ name: "becomes-dir/a", mtime: 21 }, "in directory"),
      rawEntry({ name: "becomes-file", mtime: 22 }, "file"),
      rawEntry({ name: "hard", type: "1", linkname: "etc/passwd" }),
      rawEntry({ name: "lib/through", mtime: 23 }, "through"),
      paxEntry({
        mtime: "24.123456789",
        uid: "3000000",
        "SCHILY.xattr.user.key": "value",
        path: `usr/${"long/".repeat(40)}ü`,
      }),
      rawEntry({}, "pax"),
      paxEntry({ path: Buffer.from([0x62, 0xff, 0x62]) }),
      rawEntry({ mtime: 25 }, "bytes"),
    ),
  ];
  try {
    const image = imageOf(layers);
    const { config, layers: descriptors } = parseManifest(image.manifestBytes) as {
      config: Descriptor;
      layers: Descriptor[];
    };
    const descriptor = {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: image.digest,
      size: image.manifestBytes.length,
    };
    const blobs = new Map(descriptors.map(({ digest }) => [digest, image.blobs.get(digest) as Buffer]));
    blobs.set(config.digest, image.configBytes);
    mkdirSync(join(dir, "layout"));
    await writeLayout(join(dir, "layout"), {
      test: {
        manifest: image.manifestBytes,
        mediaType: descriptor.mediaType,
        digest: image.digest,
        descriptor,
        blobs,
      },
    });
    execFileSync("umoci", ["unpack", "--image", `${join(dir, "layout")}:test`, join(dir, "bundle")]);
    const store = await Store.open(join(dir, "state"));
    const stored = await store.add({ ...image, names: ["test"] }, { blob: image.blob });
    await store.checkout(await store.tree(stored), join(dir, "state/containers/test"));
    const ours = listingOf(join(dir, "state/containers/test"), { times: true });
    const theirs = listingOf(join(dir, "bundle/rootfs"), { times: true });
    expect(withoutTimes(ours)).toEqual(withoutTimes(theirs));
    expect(ours.filter(hasOwnTime)).toEqual(theirs.filter(hasOwnTime));
    expect(ours.length).toBeGreaterThan(50);
  } finally {
    await removeTree(dir);
  }
});

/** umoci gives the root, directories without an entry, and what holds them the present time. */
const hasOwnTime = (line: string): boolean => !/^(?:\.|\/usr|\/usr\/long(?:\/long)*) /.test(line);

const withoutTimes = (lines: string[]): string[] =>
  lines.map((line) => line.replace(/^(\S+ \S+ \S+ \S+) -?\d+/, "$1"));
