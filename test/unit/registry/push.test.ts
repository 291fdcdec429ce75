/** Sending blobs and manifests, against a registry with faults. */
import { afterEach, expect, test } from "vitest";
import { Failure } from "../../../src/errors.ts";
import { failureOf } from "../../support/failures.ts";
import { makeImage } from "../../support/images.ts";
import { makeBlob, type TestBlob, withClient } from "../../support/one-client.ts";
import {
  type Fault,
  type RegistryOptions,
  startRegistry,
  type TestRegistry,
} from "../../support/registry.ts";

const open: TestRegistry[] = [];

afterEach(async () => {
  for (const registry of open.splice(0)) await registry.close();
});

async function start(options: RegistryOptions = {}): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  open.push(registry);
  return registry;
}

const SECRET = async (): Promise<{ user: string; password: string }> => ({
  user: "user",
  password: "secret",
});

const put = (registry: TestRegistry, { descriptor, content }: TestBlob, chunkBytes?: number): Promise<void> =>
  withClient(`${registry.host}/a`, (client) => client.putBlob(descriptor, content(), { chunkBytes }), {
    credentials: SECRET,
  });

const stored = (registry: TestRegistry, { descriptor }: TestBlob): Buffer | undefined =>
  registry.content.blobs.get(`a@${descriptor.digest}`);

const methods = (registry: TestRegistry): string =>
  registry
    .requestsOf("upload")
    .map(({ method }) => method)
    .join(" ");

test("putBlob: one POST, one PUT with length and digest", async () => {
  const registry = await start();
  const blob = makeBlob(1_000_000);
  await put(registry, blob);
  expect(stored(registry, blob)).toEqual(blob.bytes);
  expect(methods(registry)).toBe("POST PUT");
  const [, request] = registry.requestsOf("upload");
  expect(request?.headers).toMatchObject({
    "content-length": "1000000",
    "content-type": "application/octet-stream",
  });
  expect(request?.url).toMatch(/_state=0&digest=sha256%3A/);
});

test.each([0, 1, 65_536])("putBlob of %d bytes", async (size) => {
  const registry = await start();
  const blob = makeBlob(size);
  await put(registry, blob);
  expect(stored(registry, blob)).toEqual(blob.bytes);
});

test.each(["relative", "absolute"] as const)("putBlob follows a Location that is %s", async (locations) => {
  const registry = await start({ locations });
  const blob = makeBlob(10);
  await put(registry, blob);
  expect(stored(registry, blob)).toEqual(blob.bytes);
});

test("putBlob: a Location on another host gets the bytes without Authorization, and never without https", async () => {
  const storage = await start();
  storage.content.uploads.set("1", Buffer.alloc(0));
  const registry = await start({ auth: "basic" });
  const location = `${storage.origin}/v2/a/blobs/uploads/1`;
  registry.fault({ on: /^POST/, skip: 1, status: 202, headers: { location } });
  const blob = makeBlob(10);
  await put(registry, blob);
  expect(stored(storage, blob)).toEqual(blob.bytes);
  expect(registry.requests.at(-1)?.headers.authorization).toMatch(/^Basic /);
  for (const { headers } of storage.requests) expect(headers.authorization).toBeUndefined();
});

test("putBlob in chunks: Content-Range from the first, the digest with the last", async () => {
  const registry = await start();
  const blob = makeBlob(250_000);
  await put(registry, blob, 100_000);
  expect(stored(registry, blob)).toEqual(blob.bytes);
  expect(methods(registry)).toBe("POST PATCH PATCH PUT");
  const ranges = registry.requestsOf("upload").map(({ headers }) => headers["content-range"]);
  expect(ranges).toEqual([undefined, "0-99999", "100000-199999", "200000-249999"]);
});

test("putBlob in chunks: OCI-Chunk-Min-Length is kept", async () => {
  const registry = await start({ minChunk: 200_000 });
  const blob = makeBlob(410_000);
  await put(registry, blob, 100_000);
  expect(stored(registry, blob)).toEqual(blob.bytes);
  const ranges = registry.requestsOf("upload").map(({ headers }) => headers["content-range"]);
  expect(ranges).toEqual([undefined, "0-199999", "200000-399999", "400000-409999"]);
});

test("putBlob: 413 for the whole leads to chunks", async () => {
  const registry = await start({ maxBody: 9_000_000 });
  const blob = makeBlob(10_000_000);
  await put(registry, blob);
  expect(stored(registry, blob)).toEqual(blob.bytes);
  expect(methods(registry)).toBe("POST PUT POST PATCH PUT");
});

test.each([
  ["at its beginning", { on: /^PUT/, times: 1, take: 0 }],
  ["in its middle", { on: /^PUT/, times: 1, take: 400_000 }],
  ["twice", { on: /^PUT/, times: 2, take: 300_000 }],
  ["before the answer", { on: /^PUT/, times: 1, reset: true }],
  ["by a 503", { on: /^PUT/, times: 1, status: 503 }],
  ["when it begins", { on: /^POST/, times: 2, reset: true }],
] as [string, Fault][])("putBlob: an upload that is cut %s goes on", async (_, fault) => {
  const registry = await start();
  registry.fault(fault);
  const blob = makeBlob(1_000_000);
  await put(registry, blob);
  expect(stored(registry, blob)).toEqual(blob.bytes);
});

test("putBlob: after a cut only the rest is sent, with its range", async () => {
  const registry = await start();
  registry.fault({ on: /^PUT/, times: 1, take: 400_000 });
  await put(registry, makeBlob(1_000_000));
  expect(methods(registry)).toBe("POST PUT GET PUT");
  expect(registry.requestsOf("upload").at(-1)?.headers).toMatchObject({
    "content-range": "400000-999999",
    "content-length": "600000",
  });
});

test("putBlob in chunks: a cut chunk goes on where it was cut", async () => {
  const registry = await start();
  registry.fault({ on: /^PATCH/, skip: 1, times: 1, take: 40_000 });
  const blob = makeBlob(250_000);
  await put(registry, blob, 100_000);
  expect(stored(registry, blob)).toEqual(blob.bytes);
});

test("putBlob: an upload that the registry forgot begins again", async () => {
  const registry = await start();
  registry.fault({ on: /^PUT/, times: 1, take: 400_000 });
  registry.fault({ on: /^GET .*uploads/, times: 1, status: 404 });
  const blob = makeBlob(1_000_000);
  await put(registry, blob);
  expect(stored(registry, blob)).toEqual(blob.bytes);
});

test("putBlob: cut for ever ends, in bounded time", async () => {
  const registry = await start();
  registry.fault({ on: /^PUT/, take: 1000 });
  const failure = await failureOf(() => put(registry, makeBlob(1_000_000)));
  expect(failure.code).toBe("REGISTRY_UNREACHABLE");
  expect(registry.requestsOf("upload").filter(({ method }) => method === "PUT")).toHaveLength(3);
});

test("putBlob: what was lost further back than is kept cannot be sent again", async () => {
  const registry = await start();
  registry.fault({ on: /^PUT/, times: 1, take: 40_000_000 });
  registry.fault({ on: /^GET .*uploads/, times: 1, status: 404 });
  const failure = await failureOf(() => put(registry, makeBlob(60_000_000)));
  expect(failure).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: expect.stringContaining("lost too much"),
  });
});

test("putBlob: an error of the content is the error, and the upload is given up", async () => {
  const registry = await start();
  const { descriptor, bytes } = makeBlob(500_000);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 300_000);
    throw new Failure("DIGEST_MISMATCH", "the source is damaged");
  }
  for (const chunkBytes of [undefined, 100_000]) {
    const failure = await failureOf(() =>
      withClient(`${registry.host}/a`, (client) => client.putBlob(descriptor, broken(), { chunkBytes })),
    );
    expect(failure.code).toBe("DIGEST_MISMATCH");
  }
  expect(registry.content.blobs.size).toBe(0);
  expect(registry.content.uploads.size).toBe(0);
});

test("putBlob: content that is not what its digest says is refused by the registry", async () => {
  const registry = await start();
  const failure = await failureOf(() =>
    put(registry, { ...makeBlob(10), content: () => makeBlob(10).content() }),
  );
  expect(failure).toMatchObject({ code: "DIGEST_INVALID", message: expect.stringContaining("answered 400") });
  expect(registry.content.blobs.size).toBe(0);
});

test("putBlob takes from its source only what the registry takes", async () => {
  const registry = await start();
  registry.fault({ on: /^PUT/, delay: 400, early: true, status: 500 });
  const piece = Buffer.alloc(65_536);
  let given = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (; given < 1_000_000_000; given += piece.length) yield piece;
  }
  const descriptor = { ...makeBlob(1).descriptor, size: 1_000_000_000 };
  await failureOf(() => withClient(`${registry.host}/a`, (client) => client.putBlob(descriptor, endless())));
  expect(given).toBeLessThan(64_000_000);
});

test("hasBlob: HEAD", async () => {
  const registry = await start();
  const blob = makeBlob(10);
  const has = () => withClient(`${registry.host}/a`, (client) => client.hasBlob(blob.descriptor.digest));
  expect(await has()).toBe(false);
  await put(registry, blob);
  expect(await has()).toBe(true);
  expect(registry.requestsOf("blob").map(({ method }) => method)).toEqual(["HEAD", "HEAD"]);
});

test.each(["basic", "bearer"] as const)(
  "mountBlob: taken over, with a token for both repositories (%s)",
  async (auth) => {
    const registry = await start({ auth });
    const blob = makeBlob(10);
    registry.content.blobs.set(`other/b@${blob.descriptor.digest}`, blob.bytes);
    const mounted = await withClient(
      `${registry.host}/a`,
      (client) => client.mountBlob(blob.descriptor.digest, "other/b"),
      { credentials: SECRET },
    );
    expect(mounted).toBe(true);
    expect(stored(registry, blob)).toEqual(blob.bytes);
    const tokens = registry
      .requestsOf("token")
      .map(({ url }) => new URL(url, "http://x").searchParams.getAll("scope"));
    expect(tokens).toEqual(auth === "basic" ? [] : [["repository:a:pull,push", "repository:other/b:pull"]]);
  },
);

test("mountBlob: where the registry begins an upload instead (202), the blob is sent there", async () => {
  const registry = await start({ mounts: false });
  const blob = makeBlob(10);
  await withClient(`${registry.host}/a`, async (client) => {
    expect(await client.mountBlob(blob.descriptor.digest, "other/b")).toBe(false);
    await client.putBlob(blob.descriptor, blob.content());
  });
  expect(stored(registry, blob)).toEqual(blob.bytes);
  expect(methods(registry)).toBe("POST PUT");
});

test("mountBlob: an upload that was begun and not used is given up", async () => {
  const registry = await start({ mounts: false });
  await withClient(`${registry.host}/a`, (client) => client.mountBlob(makeBlob(10).descriptor.digest, "b"));
  expect(registry.content.uploads.size).toBe(0);
});

test.each([400, 403, 404, 405])("mountBlob: %d means that the blob is to be sent", async (status) => {
  const registry = await start();
  registry.fault({ on: /^POST .*mount=/, status });
  const { digest } = makeBlob(10).descriptor;
  expect(await withClient(`${registry.host}/a`, (client) => client.mountBlob(digest, "b"))).toBe(false);
});

test("a token that ends in the middle of a push is replaced", async () => {
  const registry = await start({ auth: "bearer" });
  const challenge = `Bearer realm="${registry.origin}/token",service="test-service",scope="repository:a:pull,push"`;
  registry.fault({ on: /^PUT/, times: 1, status: 401, headers: { "www-authenticate": challenge } });
  const blob = makeBlob(300_000);
  await put(registry, blob);
  expect(stored(registry, blob)).toEqual(blob.bytes);
});

test("putManifest: under a tag, under its digest, with its type", async () => {
  const registry = await start({ auth: "bearer" });
  const image = await makeImage();
  await withClient(
    `${registry.host}/a`,
    async (client) => {
      for (const [digest, bytes] of image.blobs)
        await client.putBlob({ mediaType: "", digest, size: bytes.length }, makeBlob(bytes).content());
      const { mediaType, digest } = image;
      await client.putManifest(image.manifest, { mediaType, digest });
      expect(registry.content.tags.size).toBe(0);
      await client.putManifest(image.manifest, { mediaType, digest, tag: "1.0" });
      expect(await client.manifest("1.0")).toEqual({ bytes: image.manifest, mediaType, digest });
    },
    { credentials: SECRET },
  );
});

test("putManifest: one whose blobs are missing is refused in the registry's words", async () => {
  const registry = await start();
  const { manifest, mediaType, digest } = await makeImage();
  const failure = await failureOf(() =>
    withClient(`${registry.host}/a`, (client) =>
      client.putManifest(manifest, { mediaType, digest, tag: "1" }),
    ),
  );
  expect(failure.cause).toMatchObject({ code: "MANIFEST_BLOB_UNKNOWN" });
});

test("deleteManifest: by digest, with every tag of it; a registry that does not says so", async () => {
  const registry = await start({ auth: "bearer" });
  const image = await makeImage();
  registry.push("a", image, "1");
  registry.push("a", image, "2");
  const remove = (host: string) =>
    withClient(`${host}/a`, (client) => client.deleteManifest(image.digest), { credentials: SECRET });
  await remove(registry.host);
  expect(registry.content.tags.get("a")?.size).toBe(0);
  expect((await failureOf(() => remove(registry.host))).code).toBe("IMAGE_UNKNOWN");
  const fixed = await start({ noDelete: true });
  fixed.push("a", image, "1");
  const failure = await failureOf(() => remove(fixed.host));
  expect(failure).toMatchObject({
    code: "UNSUPPORTED",
    message: `registry ${fixed.host} does not let images be deleted`,
  });
});
