import { execFile } from "node:child_process";
import { appendFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, beforeEach, expect, test } from "vitest";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { digestHex } from "../../../src/oci/digest.ts";
import { resolveImage } from "../../../src/transport/resolve-image.ts";
import { failureOf } from "../../support/failures.ts";
import {
  makeImage,
  makeMultiPlatform,
  type TestImage,
  type TestIndex,
  writeLayout,
} from "../../support/images.ts";
import { readBlob, withSource } from "../../support/sources.ts";

let one: TestImage;
let many: TestIndex;
let dir: string;

beforeAll(async () => {
  one = await makeImage({ files: { a: "1" } });
  many = await makeMultiPlatform(["linux/amd64", "linux/arm64"]);
});

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-layout-"));
});

const digestOf = (typed: string): Promise<string> =>
  withSource(typed, async (source) => (await source.manifest()).digest);
const blobPath = (digest: string): string => join(dir, "blobs/sha256", digest.slice("sha256:".length));
const layerOf = (image: TestImage): Descriptor =>
  (JSON.parse(image.manifest.toString()) as { layers: [Descriptor] }).layers[0];

test("manifest: by tag, or the only one", async () => {
  await writeLayout(dir, { one, "3.5": many });
  expect(await digestOf(`oci:${dir}:one`)).toBe(one.digest);
  expect(await digestOf(`oci:${dir}:3.5`)).toBe(many.digest);
  const single = join(dir, "single");
  await writeLayout(single, { "": one });
  expect(await digestOf(`oci:${single}`)).toBe(one.digest);
});

test("manifest: two names of one image are no ambiguity", async () => {
  await writeLayout(dir, { a: one, b: one });
  expect(await digestOf(`oci:${dir}`)).toBe(one.digest);
});

test("manifest and blob: the bytes", async () => {
  await writeLayout(dir, { one });
  await withSource(`oci:${dir}`, async (source) => {
    expect(await source.manifest()).toEqual({
      bytes: one.manifest,
      mediaType: one.mediaType,
      digest: one.digest,
    });
    expect((await source.manifest(one.digest)).bytes).toEqual(one.manifest);
    expect(await readBlob(source, layerOf(one))).toEqual(one.layers[0]);
  });
});

test("without a tag, several images are listed", async () => {
  await writeLayout(dir, { one, many });
  const failure = await failureOf(() => digestOf(`oci:${dir}`));
  expect(failure).toMatchObject({ code: "NAME_AMBIGUOUS", hint: `Name one: oci:${dir}:TAG.` });
  expect(failure.message).toContain("the layout holds one, many");
});

test("unknown tag: IMAGE_UNKNOWN lists what there is", async () => {
  await writeLayout(dir, { one, "": many });
  const failure = await failureOf(() => digestOf(`oci:${dir}:two`));
  expect(failure.code).toBe("IMAGE_UNKNOWN");
  expect(failure.message).toContain(`the layout holds one, ${many.digest}`);
});

test.each([
  [
    "no directory",
    (): Promise<void> => rm(dir, { recursive: true }),
    "IMAGE_UNKNOWN",
    "there is no such directory",
  ],
  ["an empty directory", (): Promise<void> => Promise.resolve(), "IMAGE_UNKNOWN", "no file oci-layout"],
  ["a file", (): Promise<void> => replaceByFile(), "IMAGE_UNKNOWN", "no file oci-layout"],
  ["no index.json", (): Promise<void> => damage("index.json", undefined), "IMAGE_UNKNOWN", "no index.json"],
  [
    "another version",
    (): Promise<void> => damage("oci-layout", '{"imageLayoutVersion":"2.0.0"}'),
    "IMAGE_UNKNOWN",
    "not 1.x",
  ],
  ["broken oci-layout", (): Promise<void> => damage("oci-layout", "<html>"), "MANIFEST_INVALID", "not JSON"],
  ["broken index.json", (): Promise<void> => damage("index.json", "{"), "MANIFEST_INVALID", "not JSON"],
  [
    "index.json that is an image",
    (): Promise<void> => damage("index.json", one.manifest),
    "MANIFEST_INVALID",
    "ambiguous",
  ],
  [
    "index.json without images",
    (): Promise<void> => damage("index.json", '{"schemaVersion":2,"manifests":[]}'),
    "IMAGE_UNKNOWN",
    "holds no image",
  ],
  [
    "index.json beyond its limit",
    (): Promise<void> => damage("index.json", Buffer.alloc(5 << 20, " ")),
    "MANIFEST_INVALID",
    "larger than",
  ],
] as [string, () => Promise<void>, string, string][])("bad layout: %s", async (_, spoil, code, message) => {
  await spoil();
  const failure = await failureOf(() => digestOf(`oci:${dir}`));
  expect(failure.code).toBe(code);
  expect(failure.message).toContain(message);
});

async function damage(name: string, content: string | Buffer | undefined): Promise<void> {
  await writeLayout(dir, { one });
  if (content === undefined) await rm(join(dir, name));
  else await writeFile(join(dir, name), content);
}

async function replaceByFile(): Promise<void> {
  await rm(dir, { recursive: true });
  await writeFile(dir, "");
}

test("statement 3: damaged blobs are refused", async () => {
  await writeLayout(dir, { one });
  const layer = layerOf(one);
  const read = (): Promise<unknown> => withSource(`oci:${dir}`, (source) => readBlob(source, layer));
  await appendFile(blobPath(layer.digest), "x");
  expect((await failureOf(read)).code).toBe("SIZE_MISMATCH");
  await truncate(blobPath(layer.digest), layer.size - 1);
  expect((await failureOf(read)).code).toBe("SIZE_MISMATCH");
  await writeFile(blobPath(layer.digest), Buffer.alloc(layer.size));
  expect((await failureOf(read)).code).toBe("DIGEST_MISMATCH");
  await rm(blobPath(layer.digest));
  expect((await failureOf(read)).code).toBe("BLOB_UNKNOWN");
  await writeFile(blobPath(one.digest), Buffer.from(one.manifest.toString().replace("2", "3")));
  expect((await failureOf(() => digestOf(`oci:${dir}`))).code).toBe("DIGEST_MISMATCH");
});

test("a blob that is no regular file is refused, and a FIFO is not waited for", async () => {
  await writeLayout(dir, { one });
  const layer = layerOf(one);
  const read = (): Promise<unknown> => withSource(`oci:${dir}`, (source) => readBlob(source, layer));
  await rm(blobPath(layer.digest));
  await promisify(execFile)("mkfifo", [blobPath(layer.digest)]);
  expect((await failureOf(read)).code).toBe("MANIFEST_INVALID");
  await rm(blobPath(layer.digest));
  await mkdir(blobPath(layer.digest));
  expect((await failureOf(read)).code).toBe("MANIFEST_INVALID");
});

test("a layout reached by a symbolic link is read", async () => {
  await writeLayout(join(dir, "real"), { one });
  await symlink("real", join(dir, "link"));
  expect(await digestOf(`oci:${dir}/link:one`)).toBe(one.digest);
});

test("abort: INTERRUPTED", async () => {
  await writeLayout(dir, { one });
  const signal = AbortSignal.abort();
  const read = (): Promise<unknown> =>
    withSource(`oci:${dir}`, (source) => readBlob(source, layerOf(one)), { signal });
  expect((await failureOf(read)).code).toBe("INTERRUPTED");
});

test("resolveImage takes the image of a platform from a layout", async () => {
  await writeLayout(dir, { many });
  const arm = await withSource(`oci:${dir}`, (source) =>
    resolveImage(source, { platform: { os: "linux", architecture: "arm64" } }),
  );
  expect(arm).toMatchObject({ namedDigest: many.digest, digest: many.children[1]?.digest });
  expect(arm.config.config.labels).toEqual({ platform: "linux/arm64" });
  expect(digestHex(arm.digest)).toMatch(/^[0-9a-f]{64}$/);
});
