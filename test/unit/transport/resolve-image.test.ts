import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256 } from "../../../src/oci/digest.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../../src/oci/manifest.ts";
import { type ResolvedImage, resolveImage } from "../../../src/transport/resolve-image.ts";
import { failureOf } from "../../support/failures.ts";
import {
  describe,
  makeContent,
  makeImage,
  makeIndex,
  makeLayer,
  makeMultiPlatform,
  type TestContent,
} from "../../support/images.ts";
import { insecureRoot, startRegistry, type TestRegistry } from "../../support/registry.ts";
import { withSource } from "../../support/sources.ts";

let registry: TestRegistry;
let root: string;
const AMD64 = { os: "linux", architecture: "amd64" };

beforeAll(async () => {
  registry = await startRegistry();
  root = await insecureRoot(registry.host);
});

afterAll(async () => await registry.close());

const resolve = (content: TestContent, platform = AMD64): Promise<ResolvedImage> =>
  withSource(registry.push("team/app", content), (source) => resolveImage(source, { platform }), { root });

test.each(["oci", "docker"] as const)(
  "resolveImage reads an image and an index of format %s",
  async (format) => {
    const image = await makeImage({ format });
    expect(await resolve(image)).toMatchObject({
      digest: image.digest,
      namedDigest: image.digest,
      manifestBytes: image.manifest,
      configBytes: image.config,
      config: { diffIds: image.diffIds },
    });
    const index = await makeMultiPlatform(["linux/arm/v7", "linux/amd64"], { format });
    const resolved = await resolve(index);
    expect(resolved).toMatchObject({ namedDigest: index.digest, digest: index.children[1]?.digest });
    expect(resolved.config.config.labels).toEqual({ platform: "linux/amd64" });
  },
);

test("resolveImage refuses a platform that is not there", async () => {
  const index = await makeMultiPlatform(["linux/amd64", "linux/arm64"]);
  const failure = await failureOf(() => resolve(index, { os: "linux", architecture: "s390x" }));
  expect(failure).toMatchObject({
    code: "IMAGE_UNKNOWN",
    message: expect.stringContaining("linux/amd64, linux/arm64"),
  });
});

test("statement 10: resolveImage refuses indexes nested too deep", async () => {
  const image = await makeImage();
  let content: TestContent = makeIndex([image]);
  for (let depth = 1; depth < 3; depth++) content = makeIndex([{ content, descriptor: { platform: AMD64 } }]);
  expect((await resolve(content)).digest).toBe(image.digest);
  content = makeIndex([{ content, descriptor: { platform: AMD64 } }]);
  const failure = await failureOf(() => resolve(content));
  expect(failure).toMatchObject({
    code: "MANIFEST_INVALID",
    message: expect.stringContaining("nested more than 3"),
  });
});

test("statement 10: resolveImage ends on an index that names itself", async () => {
  const digest = sha256(Buffer.from("cycle"));
  const entry = { mediaType: OCI_INDEX, digest, size: 1, platform: AMD64 };
  const cycle = makeContent({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] }, OCI_INDEX);
  const failure = await failureOf(() => resolve({ ...cycle, digest }));
  expect(["DIGEST_MISMATCH", "MANIFEST_INVALID"]).toContain(failure.code);
});

test("statement 1: resolveImage refuses a manifest served as something else", async () => {
  const image = await makeImage();
  const failure = await failureOf(() => resolve({ ...image, mediaType: OCI_INDEX }));
  expect(failure).toMatchObject({ code: "MANIFEST_INVALID", message: expect.stringContaining("ambiguous") });
});

test("resolveImage refuses an entry whose size is wrong", async () => {
  const image = await makeImage();
  const index = makeIndex([{ content: image, descriptor: { platform: AMD64, size: 1 } }]);
  expect((await failureOf(() => resolve(index))).code).toBe("SIZE_MISMATCH");
});

test("resolveImage refuses an artifact", async () => {
  const config = describe(Buffer.from("{}"), "application/vnd.oci.empty.v1+json");
  const image = await makeImage({ manifestOverrides: { config } });
  const failure = await failureOf(() => resolve(image));
  expect(failure).toMatchObject({
    code: "MANIFEST_INVALID",
    message: expect.stringContaining("not a container image"),
  });
});

test("statement 5: resolveImage refuses a config beyond 4 MiB before fetching it", async () => {
  const config = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    digest: sha256(Buffer.from("x")),
    size: 5 << 20,
  };
  const image = await makeImage({ manifestOverrides: { config } });
  registry.heal();
  const failure = await failureOf(() => resolve(image));
  expect(failure.message).toContain("image config has 5242880 bytes");
  expect(registry.requestsOf("blob")).toEqual([]);
});

test("statement 6: resolveImage refuses layers that do not match the config", async () => {
  const layer = await makeLayer({ a: "1" });
  const more = await makeImage({ manifestOverrides: { layers: [layer.descriptor, layer.descriptor] } });
  expect((await failureOf(() => resolve(more))).message).toContain(
    "has 2 layers, the image config 1 diff_ids",
  );
  const none = await makeImage({ layers: [] });
  expect(await failureOf(() => resolve(none))).toMatchObject({
    code: "MANIFEST_INVALID",
    message: "the image has no layers",
  });
});

test.each([
  [
    "2: a digest that is a path",
    { layers: [{ mediaType: "x", digest: "sha256:../../x", size: 1 }] },
    "invalid digest",
  ],
  [
    "4: a negative size",
    { layers: [{ mediaType: "x", digest: sha256(Buffer.from("x")), size: -1 }] },
    "invalid size",
  ],
  ["12: duplicate keys", Buffer.from('{"schemaVersion":2,"config":{},"config":{}}'), "duplicate key"],
] as [string, Record<string, unknown> | Buffer, string][])(
  "statement %s is refused",
  async (_, body, message) => {
    const image = await makeImage();
    const content = Buffer.isBuffer(body)
      ? makeContent(body, OCI_MANIFEST)
      : await makeImage({ manifestOverrides: body });
    const failure = await failureOf(() => resolve(content));
    expect(failure.code).toBe("MANIFEST_INVALID");
    expect(failure.message).toContain(message);
    expect(image.digest).not.toBe(content.digest);
  },
);

test("statement 11: a config whose rootfs is not layers is refused", async () => {
  const image = await makeImage({ configOverrides: { rootfs: { type: "vmdk", diff_ids: [] } } });
  expect((await failureOf(() => resolve(image))).message).toContain('it must be "layers"');
});
