import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseReference } from "../../../src/oci/reference.ts";
import { copyImage } from "../../../src/transport/copy-image.ts";
import { openDestination } from "../../../src/transport/destination.ts";
import { resolveImage } from "../../../src/transport/resolve-image.ts";
import { failureOf } from "../../support/failures.ts";
import { makeImage, type TestImage, writeLayout } from "../../support/images.ts";
import { withSource } from "../../support/sources.ts";
import { type Entry, paxEntry, rawEntry, rawTar, tarOf } from "../../support/tar.ts";

const run = promisify(execFile);
let dir: string;
let image: TestImage;
let tars: Buffer[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-archives-"));
  image = await makeImage({ compression: "none", layers: [{ a: "1" }, { b: Buffer.alloc(20_000, "b") }] });
  tars = image.layers;
});

afterEach(() => rm(dir, { recursive: true }));

/** What `docker save` would write: [name, content], in order. */
function saved(over: Record<string, string | Buffer> = {}): Entry[] {
  const manifest = [{ Config: "config.json", RepoTags: ["example.com/app:1"], Layers: ["0.tar", "1.tar"] }];
  const members = {
    "config.json": image.config,
    "0.tar": tars[0] as Buffer,
    "1.tar": tars[1] as Buffer,
    "manifest.json": JSON.stringify(manifest),
    ...over,
  };
  return Object.entries(members).map(([name, content]) => ({ name, content }));
}

async function archive(bytes: Buffer | Entry[], name = "image.tar"): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, Buffer.isBuffer(bytes) ? bytes : await tarOf(bytes));
  return path;
}

/** Reads an image to its last byte. */
async function readAll(typed: string): Promise<{ digest: string; diffIds: string[] }> {
  return withSource(typed, async (source) => {
    const { digest, manifest, config } = await resolveImage(source);
    for (const layer of manifest.layers) for await (const _ of source.blob(layer));
    return { digest, diffIds: config.diffIds };
  });
}

test.each([["docker-archive:PATH"], ["docker-archive:PATH:example.com/app:1"], ["docker-archive:PATH:@0"]])(
  "docker-archive: %s is read",
  async (typed) => {
    const path = await archive(saved());
    expect((await readAll(typed.replace("PATH", path))).diffIds).toEqual(image.diffIds);
  },
);

test("docker-archive: layers may be links to others, and members of old docker have directories", async () => {
  const manifest = [{ Config: "config.json", RepoTags: null, Layers: ["one/layer.tar", "two/layer.tar"] }];
  const entries: Entry[] = [
    { name: "config.json", content: image.config },
    { name: "one", type: "directory" },
    { name: "one/layer.tar", content: tars[0] as Buffer },
    { name: "common.tar", content: tars[1] as Buffer },
    { name: "two/layer.tar", type: "symlink", linkname: "../common.tar" },
    { name: "manifest.json", content: JSON.stringify(manifest) },
  ];
  expect((await readAll(`docker-archive:${await archive(entries)}`)).diffIds).toEqual(image.diffIds);
});

test.each([
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
] as const)(
  "docker-archive: the whole archive, or a layer in it, may be compressed with %s",
  async (_, compress) => {
    const plain = await readAll(`docker-archive:${await archive(saved())}`);
    const whole = await archive(compress(await tarOf(saved())), "whole.tar.z");
    expect(await readAll(`docker-archive:${whole}`)).toEqual(plain);
    const inside = await archive(saved({ "0.tar": compress(tars[0] as Buffer) }), "inside.tar");
    expect(await readAll(`docker-archive:${inside}`)).toEqual(plain);
  },
);

test("docker-archive: the digest is that of the manifest that skopeo makes of it", async () => {
  const path = await archive(saved());
  const { digest } = await readAll(`docker-archive:${path}`);
  const { stdout } = await run("skopeo", ["inspect", "--format={{.Digest}}", `docker-archive:${path}`]);
  expect(digest).toBe(stdout.trim());
});

test.each([
  ["an unknown name", "PATH:example.com/other:1", "IMAGE_UNKNOWN", "the archive holds example.com/app:1"],
  ["a place beyond the end", "PATH:@1", "IMAGE_UNKNOWN", "no such image"],
])("docker-archive: %s", async (_, typed, code, message) => {
  const failure = await failureOf(async () =>
    readAll(`docker-archive:${typed.replace("PATH", await archive(saved()))}`),
  );
  expect(failure.code).toBe(code);
  expect(failure.message).toContain(message);
});

test.each([
  [
    "no manifest.json",
    (): Entry[] => saved().filter(({ name }) => name !== "manifest.json"),
    "IMAGE_UNKNOWN",
  ],
  [
    "two of manifest.json",
    (): Entry[] => [...saved(), { name: "./manifest.json", content: "[]" }],
    "MANIFEST_INVALID",
  ],
  ["manifest.json that is no JSON", (): Entry[] => saved({ "manifest.json": "<html>" }), "MANIFEST_INVALID"],
  [
    "manifest.json beyond 1 MiB",
    (): Entry[] => saved({ "manifest.json": " ".repeat(2 << 20) }),
    "MANIFEST_INVALID",
  ],
  ["a missing layer", (): Entry[] => saved().filter(({ name }) => name !== "1.tar"), "BLOB_UNKNOWN"],
  ["a missing config", (): Entry[] => saved().filter(({ name }) => name !== "config.json"), "BLOB_UNKNOWN"],
  [
    "a layer that is another",
    (): Entry[] => saved({ "1.tar": Buffer.alloc((tars[1] as Buffer).length) }),
    "DIGEST_MISMATCH",
  ],
  ["a config beyond 4 MiB", (): Entry[] => saved({ "config.json": " ".repeat(5 << 20) }), "MANIFEST_INVALID"],
  [
    "a layer that links to itself",
    (): Entry[] => [
      ...saved().filter(({ name }) => name !== "1.tar"),
      { name: "1.tar", type: "symlink" as const, linkname: "1.tar" },
    ],
    "BLOB_UNKNOWN",
  ],
] as [string, () => Entry[], string][])("docker-archive: %s is refused", async (_, entries, code) => {
  const path = await archive(entries());
  expect((await failureOf(() => readAll(`docker-archive:${path}`))).code).toBe(code);
});

test.each([
  ["cut in a member", (bytes: Buffer): Buffer => bytes.subarray(0, 3000), "ends too early"],
  [
    "a wrong header checksum",
    (bytes: Buffer): Buffer => Buffer.concat([Buffer.from("x"), bytes.subarray(1)]),
    "checksum",
  ],
  ["no archive", (): Buffer => Buffer.from("<html>".repeat(200)), "not a whole tar archive"],
  [
    "a size beyond the end in PAX",
    (): Buffer => rawTar(paxEntry({ size: "99999999999" }), rawEntry({ name: "manifest.json" }, "[]")),
    "ends too early",
  ],
  ["cut compressed data", (bytes: Buffer): Buffer => gzipSync(bytes).subarray(0, 200), "is cut"],
  [
    "a cut second frame of zstd",
    (bytes: Buffer): Buffer =>
      Buffer.concat([
        zstdCompressSync(bytes.subarray(0, 512)),
        zstdCompressSync(bytes.subarray(512)).subarray(0, 60),
      ]),
    "not a whole tar archive",
  ],
  ["xz", (): Buffer => Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]), "xz"],
] as [string, (bytes: Buffer) => Buffer, string][])(
  "an archive that is %s is refused",
  async (_, damage, message) => {
    const path = await archive(damage(await tarOf(saved())));
    const failure = await failureOf(() => readAll(`docker-archive:${path}`));
    expect(failure.code).toBe("MANIFEST_INVALID");
    expect(failure.message).toContain(message);
  },
);

test("oci-archive: by name, by place, or the only one; unpacked nowhere", async () => {
  await writeLayout(join(dir, "layout"), { one: image, "": await makeImage() });
  const path = join(dir, "layout.tar");
  await run("tar", ["-C", join(dir, "layout"), "-cf", path, "."]);
  expect((await readAll(`oci-archive:${path}:one`)).digest).toBe(image.digest);
  expect((await readAll(`oci-archive:${path}:@0`)).digest).toBe(image.digest);
  expect((await failureOf(() => readAll(`oci-archive:${path}`))).code).toBe("NAME_AMBIGUOUS");
  expect((await failureOf(() => readAll(`oci-archive:${path}:@2`))).code).toBe("IMAGE_UNKNOWN");
});

test.each(["oci-archive", "docker-archive"])("%s: a directory, or nothing, is said so", async (transport) => {
  expect((await failureOf(() => readAll(`${transport}:${dir}`))).message).toContain(
    "is a directory, not an archive",
  );
  expect((await failureOf(() => readAll(`${transport}:${dir}/nothing`))).message).toContain("cannot read");
});

async function copy(from: string, to: string): Promise<string> {
  return withSource(from, async (source) => {
    const destination = await openDestination(parseReference(to));
    try {
      return (await copyImage({ source, destination })).digest;
    } finally {
      await destination.close();
    }
  });
}

test("docker-archive: a file that exists is not changed, and one that came meanwhile is not replaced", async () => {
  const path = await archive(saved());
  await writeFile(join(dir, "there.tar"), "mine");
  expect(
    (await failureOf(() => copy(`docker-archive:${path}`, `docker-archive:${dir}/there.tar`))).message,
  ).toContain("exists, and is not changed");
  const destination = await openDestination(parseReference(`docker-archive:${dir}/later.tar`));
  await withSource(`docker-archive:${path}`, async (source) => {
    await writeFile(join(dir, "later.tar"), "mine");
    expect((await failureOf(() => copyImage({ source, destination }))).message).toContain(
      "exists, and is not changed",
    );
  });
  await destination.close();
  expect(await readFile(join(dir, "later.tar"), "utf8")).toBe("mine");
  expect((await readdir(dir)).sort()).toEqual(["image.tar", "later.tar", "there.tar"]);
});

test("dir: takes the place of an image, never of other files", async () => {
  const path = await archive(saved());
  await copy(`docker-archive:${path}`, `dir:${dir}/image`);
  await writeLayout(join(dir, "layout"), { other: await makeImage() });
  const digest = await copy(`oci:${dir}/layout:other`, `dir:${dir}/image`);
  expect((await readAll(`dir:${dir}/image`)).digest).toBe(digest);
  expect((await failureOf(() => copy(`docker-archive:${path}`, `dir:${dir}/layout`))).message).toContain(
    "is not replaced",
  );
  expect((await readdir(dir)).sort()).toEqual(["image", "image.tar", "layout"]);
});

test("oci: a second image joins the first, a name moves, and a damaged blob is written again", async () => {
  const [first, second] = [await makeImage({ files: { a: "1" } }), await makeImage({ files: { b: "2" } })];
  await writeLayout(join(dir, "from"), { first, second });
  for (const [from, to] of [
    ["first", "x"],
    ["second", "y"],
    ["second", "x"],
  ])
    await copy(`oci:${dir}/from:${from}`, `oci:${dir}/to:${to}`);
  expect((await readAll(`oci:${dir}/to:x`)).digest).toBe(second.digest);
  expect((await readAll(`oci:${dir}/to:y`)).digest).toBe(second.digest);
  const blob = join(dir, "to/blobs/sha256", second.digest.slice("sha256:".length));
  await writeFile(blob, Buffer.alloc(second.manifest.length));
  await copy(`oci:${dir}/from:second`, `oci:${dir}/to:x`);
  expect(await readFile(blob)).toEqual(second.manifest);
});

test("oci: what is there and is no layout is not written into; blobs of a copy that was killed are no hindrance", async () => {
  const path = await archive(saved());
  const failure = await failureOf(() => copy(`docker-archive:${path}`, `oci:${dir}`));
  expect(failure.message).toContain("is not an OCI image layout: it has image.tar");
  expect(await readdir(dir)).toEqual(["image.tar"]);
  await mkdir(join(dir, "killed/blobs/sha256"), { recursive: true });
  await copy(`docker-archive:${path}`, `oci:${dir}/killed`);
  expect((await failureOf(() => copy(`docker-archive:${path}`, `oci:${path}`))).code).toBe("UNSUPPORTED");
});

test("oci: copies at the same time into one layout are all listed", async () => {
  const names = ["a", "b", "c", "d"];
  const images = await Promise.all(names.map((name) => makeImage({ files: { [name]: name } })));
  await writeLayout(
    join(dir, "from"),
    Object.fromEntries(names.map((name, at) => [name, images[at] as TestImage])),
  );
  await Promise.all(names.map((name) => copy(`oci:${dir}/from:${name}`, `oci:${dir}/to:${name}`)));
  for (const [at, name] of names.entries())
    expect((await readAll(`oci:${dir}/to:${name}`)).digest).toBe(images[at]?.digest);
});

test.each(["oci", "oci-archive", "docker-archive", "dir"])(
  "%s: an interrupted copy ends at once and leaves nothing",
  async (transport) => {
    await writeLayout(join(dir, "layout"), { one: image });
    const before = await readdir(dir);
    const interruption = new AbortController();
    const { signal } = interruption;
    const report = (): void => interruption.abort();
    await withSource(
      `oci:${dir}/layout:one`,
      async (source) => {
        const destination = await openDestination(parseReference(`${transport}:${dir}/out`), { signal });
        const failure = await failureOf(async () => {
          try {
            await copyImage({ source, destination }, { signal, report });
          } finally {
            await destination.close();
          }
        });
        expect(failure.code).toBe("INTERRUPTED");
      },
      { signal },
    );
    const left = (await readdir(dir, { recursive: true })).filter((file) =>
      /^out.*(index\.json|manifest|~)/.test(file),
    );
    expect(left).toEqual([]);
    if (transport !== "oci") expect(await readdir(dir)).toEqual(before);
  },
);
