/**
 * `berth pull` from registries that lie, break and stall: a clear error, soon, and nothing stays in the store. Numbers are those of the
 * security statements that the tests of single parts name too.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { verbs } from "../../src/commands/verbs.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { type Digest, sha256 } from "../../src/oci/digest.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/manifest.ts";
import { run } from "../../src/run.ts";
import { collectingWorld } from "../support/cli.ts";
import {
  compress,
  type ImageOptions,
  makeContent,
  makeImage,
  makeLayer,
  type TestContent,
  type TestImage,
} from "../support/images.ts";
import { CLEAN_ENVIRONMENT } from "../support/one-image.ts";
import {
  type Fault,
  htmlFault,
  insecureRoot,
  startRegistry,
  type TestRegistry,
} from "../support/registry.ts";

let registry: TestRegistry;
let root: string;
let state: string;

beforeEach(async () => {
  for (const [name, value] of Object.entries(CLEAN_ENVIRONMENT)) vi.stubEnv(name, value);
  registry = await startRegistry();
  root = await insecureRoot(registry.host);
  state = await mkdtemp(join(tmpdir(), "berth-hostile-"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await registry.close();
  for (const path of [root, state]) await rm(path, { recursive: true });
});

interface Outcome {
  status: number;
  code: string | undefined;
  message: string;
  stderr: string;
}

async function pull(name: string, ...options: string[]): Promise<Outcome> {
  const { world, stderr } = collectingWorld({ verbs, env: {} });
  const status = await run(
    ["--json", "--quiet", "--root", root, "--state", state, "pull", name, ...options],
    world,
  );
  if (status === 0) return { status, code: undefined, message: "", stderr: stderr() };
  const { error } = JSON.parse(stderr()) as { error: { code: string; message: string } };
  return { status, code: error.code, message: error.message, stderr: stderr() };
}

/** What is in the store beside its own frame. */
async function leftovers(): Promise<string[]> {
  const entries = await readdir(state, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .filter((name) => name !== "format" && name !== "lock");
}

async function expectRefusal(
  content: TestContent | string,
  code: string,
  message: string | RegExp,
): Promise<void> {
  const name = typeof content === "string" ? content : registry.push("a", content);
  const started = performance.now();
  const outcome = await pull(name);
  expect(outcome).toMatchObject({ status: 1, code });
  expect(outcome.message + outcome.stderr).toMatch(message);
  expect(outcome.stderr.trimEnd()).not.toMatch(/\p{Cc}/u);
  expect(await leftovers()).toEqual([]);
  expect(performance.now() - started).toBeLessThan(15_000);
}

const DIGEST = `sha256:${"a".repeat(64)}`;
const layerOf = ({ manifest }: TestContent): Descriptor =>
  (JSON.parse(manifest.toString()) as { layers: [Descriptor] }).layers[0];

/** An image whose manifest was changed before it got its digest. */
async function altered(change: (manifest: Record<string, unknown>) => void): Promise<TestContent> {
  const image = await makeImage();
  const manifest = JSON.parse(image.manifest.toString()) as Record<string, unknown>;
  change(manifest);
  const content = makeContent(manifest, OCI_MANIFEST);
  for (const [digest, bytes] of image.blobs) content.blobs.set(digest, bytes);
  return content;
}

const withLayer = (fields: object): Promise<TestContent> =>
  altered((manifest) => {
    const [layer] = manifest["layers"] as object[];
    manifest["layers"] = [{ ...layer, ...fields }];
  });

test("statement 1: a manifest that is an index too; one served as what it is not", async () => {
  await expectRefusal(
    await altered((manifest) => {
      manifest["manifests"] = [];
    }),
    "MANIFEST_INVALID",
    "ambiguous manifest",
  );
  const image = await makeImage();
  await expectRefusal({ ...image, mediaType: OCI_INDEX }, "MANIFEST_INVALID", "ambiguous manifest");
});

test.each([
  "sha256:../../x",
  `sha256:${"A".repeat(64)}`,
  "sha256:abc",
  `md5:${"a".repeat(32)}`,
  "",
  `${DIGEST}/x`,
])("statement 2: the digest %j, wherever it stands", async (digest) => {
  await expectRefusal(await withLayer({ digest }), "MANIFEST_INVALID", "invalid digest");
  const config = await altered((manifest) => {
    manifest["config"] = { ...(manifest["config"] as object), digest };
  });
  await expectRefusal(config, "MANIFEST_INVALID", "invalid digest");
  const entry = {
    mediaType: OCI_MANIFEST,
    size: 1,
    digest,
    platform: { os: "linux", architecture: "amd64" },
  };
  const index = makeContent({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] }, OCI_INDEX);
  await expectRefusal(index, "MANIFEST_INVALID", "invalid digest");
});

test.each([
  ["altered", { on: "blob", corrupt: true }, "DIGEST_MISMATCH", "expected sha256:"],
  ["too short", { on: "blob", grow: -1 }, "SIZE_MISMATCH", /has \d+ bytes, expected \d+/],
  ["too long", { on: "blob", grow: 1 }, "SIZE_MISMATCH", /is larger than its \d+ bytes/],
  ["endless", { on: "blob", endless: true }, "SIZE_MISMATCH", /is larger than its \d+ bytes/],
] as [string, Fault, string, string | RegExp][])(
  "statement 3: blobs that are %s",
  async (_, fault, code, message) => {
    const image = await makeImage({ files: { "a.bin": Buffer.alloc(100_000, 1) } });
    for (const part of [`blobs/${sha256(image.config)}`, `blobs/${layerOf(image).digest}`]) {
      registry.heal();
      registry.fault({ ...fault, on: new RegExp(part) });
      await expectRefusal(image, code, message);
    }
  },
);

test.each([-1, 2 ** 53, 1.5, 1e300, "7", null])("statement 4: the size %j", async (size) => {
  await expectRefusal(await withLayer({ size }), "MANIFEST_INVALID", "invalid size");
});

test("statement 5: manifest, config, token and error bodies beyond their limits", async () => {
  const image = await makeImage();
  const before = process.memoryUsage().rss;
  registry.fault({ on: "manifest", endless: true });
  await expectRefusal(image, "MANIFEST_INVALID", "larger than 4194304 bytes");
  registry.heal();
  registry.fault({ on: "manifest", status: 403, endless: true });
  await expectRefusal(image, "DENIED", "denies access");
  registry.heal();
  const large = await altered((manifest) => {
    manifest["config"] = { ...(manifest["config"] as object), size: 5_000_000 };
  });
  await expectRefusal(large, "MANIFEST_INVALID", "more than 4194304");
  const tokens = await startRegistry({ auth: "bearer", anonymous: true });
  tokens.push("a", image);
  tokens.fault({ on: "token", endless: true });
  const outcome = await pull(`${tokens.host}/a`, "--tls-verify=false");
  await tokens.close();
  expect(outcome).toMatchObject({ code: "MANIFEST_INVALID", message: expect.stringContaining("token from") });
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
});

test("statement 6: layers that are not what the config says; none at all", async () => {
  const rootfs = (...diff_ids: string[]): ImageOptions => ({
    configOverrides: { rootfs: { type: "layers", diff_ids } },
  });
  await expectRefusal(await makeImage(rootfs(DIGEST)), "DIGEST_MISMATCH", DIGEST);
  await expectRefusal(
    await makeImage(rootfs(DIGEST, DIGEST)),
    "MANIFEST_INVALID",
    "1 layers, the image config 2",
  );
  await expectRefusal(await makeImage({ ...rootfs(), layers: [] }), "MANIFEST_INVALID", "has no layers");
});

test("statement 7: a redirect to another host has no Authorization", async () => {
  const image = await makeImage();
  const storage = await startRegistry();
  storage.push("a", image);
  const guarded = await startRegistry({ auth: "basic" });
  const name = guarded.push("a", image);
  const { digest } = layerOf(image);
  guarded.fault({
    on: new RegExp(digest),
    status: 307,
    headers: { location: `${storage.origin}/v2/a/blobs/${digest}` },
  });
  const auth = Buffer.from("user:secret").toString("base64");
  await writeFile(join(state, "auth.json"), JSON.stringify({ auths: { [guarded.host]: { auth } } }));
  const { status } = await pull(name, "--tls-verify=false", "--authfile", join(state, "auth.json"));
  await Promise.all([storage.close(), guarded.close()]);
  expect(status).toBe(0);
  expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

test("statement 9: embedded data that is not its digest's", async () => {
  await expectRefusal(
    await withLayer({ data: Buffer.from("something else").toString("base64") }),
    "MANIFEST_INVALID",
    "embedded data",
  );
});

test("statement 10: an index that leads to itself, and one too deep", async () => {
  const platform = { os: "linux", architecture: "amd64" };
  let content: TestContent = await makeImage();
  for (let depth = 0; depth < 5; depth++) {
    const manifests = [{ ...content.descriptor, platform }];
    const index = makeContent({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }, OCI_INDEX);
    content = Object.assign(index, { children: [content] });
  }
  await expectRefusal(content, "MANIFEST_INVALID", "nested more than");
});

test("statement 11: a root file system that is not of layers", async () => {
  const image = await makeImage({ configOverrides: { rootfs: { type: "disk", diff_ids: [DIGEST] } } });
  await expectRefusal(image, "MANIFEST_INVALID", "rootfs");
});

test.each([
  ["nested deeply", Buffer.from("[".repeat(100_000)), "nested deeper"],
  ["with a key twice", Buffer.from('{"schemaVersion":2,"schemaVersion":2}'), "duplicate key"],
  ["no JSON", Buffer.from("{"), "not JSON"],
  ["no UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), "not UTF-8"],
  ["null", Buffer.from("null"), "expected an object"],
])("statement 12: a manifest that is %s", async (_, bytes, message) => {
  await expectRefusal(makeContent(bytes, OCI_MANIFEST), "MANIFEST_INVALID", message);
});

test("statement 13: a layer that unpacks to far more than it is", async () => {
  const layer = await makeLayer(
    { "zeros.bin": Buffer.alloc(300_000_000) },
    { compression: "zstd", format: "oci" },
  );
  expect(layer.bytes.length).toBeLessThan(100_000);
  const before = process.memoryUsage().rss;
  const outcome = await pull(registry.push("a", await makeImage({ layers: [layer] })));
  // Within the limits it is stored; what counts is that it does not pass through memory.
  expect(outcome.status).toBe(0);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
});

/** An image with one layer whose compressed bytes are these, and the diffID of what was meant. */
async function packed(change: (bytes: Buffer) => Buffer, compression: "gzip" | "zstd"): Promise<TestImage> {
  const layer = await makeLayer({ "a.bin": Buffer.alloc(200_000, "x") }, { compression, format: "oci" });
  const bytes = change(compress(layer.tar, compression));
  const descriptor = { ...layer.descriptor, digest: sha256(bytes), size: bytes.length };
  return await makeImage({ layers: [{ ...layer, bytes, descriptor }] });
}

test.each([
  ["a gzip stream cut short", "gzip", (bytes: Buffer) => bytes.subarray(0, -10)],
  [
    "a gzip stream with a wrong checksum",
    "gzip",
    (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -8), Buffer.alloc(8)]),
  ],
  ["rubbish after a gzip stream", "gzip", (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("rubbish")])],
  ["a second zstd frame cut short", "zstd", (bytes: Buffer) => bytes.subarray(0, -3)],
  ["rubbish after a zstd frame", "zstd", (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("rubbish")])],
  ["rubbish instead of gzip", "gzip", () => Buffer.from("this is no archive")],
] as const)("statements 14, 15: %s", async (_, compression, change) => {
  await expectRefusal(await packed(change, compression), "LAYER_INVALID", /./);
});

test("statement 18: a server's words cannot act on the terminal", async () => {
  const body = JSON.stringify({ errors: [{ code: "DENIED", message: "\u001b[2J\u001b]0;owned\u0007" }] });
  registry.fault({ on: "manifest", status: 403, body });
  await expectRefusal(await makeImage(), "DENIED", /\\\\x1b\[2J/);
});

test("statement 19: a name that is none never reaches a registry", async () => {
  for (const name of [`${registry.host}/../x`, `${registry.host}/a:../../x`, `${registry.host}/a\u001b[2J`]) {
    const outcome = await pull(name);
    expect(outcome).toMatchObject({ status: 1, code: "REFERENCE_INVALID" });
    expect(outcome.stderr.trimEnd()).not.toMatch(/\p{Cc}/u);
  }
  expect(registry.requests).toEqual([]);
});

test("cut after every 20,000 bytes of a layer: by Range it comes whole; without Range too", async () => {
  const image = await makeImage({ files: { "a.bin": randomBytes(100_000) }, compression: "none" });
  const name = registry.push("a", image);
  const { digest, size } = layerOf(image);
  for (let cut = 0; cut < size; cut += 20_000)
    for (const noRange of [false, true]) {
      registry.heal();
      registry.fault({ on: new RegExp(digest), times: 1, cut, noRange });
      const { status, stderr } = await pull(name, "--as", `example.com/cut${cut}${noRange}`);
      expect(stderr).toBe("");
      expect(status).toBe(0);
      await rm(join(state, "store"), { recursive: true });
    }
});

test("other content on the retry: the digest tells", async () => {
  const image = await makeImage({ files: { "a.bin": Buffer.alloc(100_000, 1) }, compression: "none" });
  const { digest } = layerOf(image);
  registry.fault({ on: new RegExp(digest), times: 1, cut: 30_000 });
  registry.fault({ on: new RegExp(digest), times: 1, corrupt: true });
  await expectRefusal(image, "DIGEST_MISMATCH", "expected sha256:");
});

test.each([
  [
    "that leads in circles",
    { on: "blob", status: 307, headers: { location: "?again" } },
    "redirects more than 10",
  ],
  ["to a file", { on: "blob", status: 307, headers: { location: "file:///etc/shadow" } }, "not https"],
  [
    "of a part that was not asked for",
    { on: "blob", status: 206, headers: { "content-range": "bytes 5-9/10" } },
    "another part",
  ],
  ["with a server's error", { on: "blob", status: 500 }, "answered 500"],
  ["cut for ever", { on: "blob", cut: 10 }, "connection was cut"],
  ["of a web page instead of a manifest", htmlFault("manifest"), "web page"],
  ["that is silent about a blob", { on: "blob", status: 404 }, "unknown"],
] as [string, Fault, string][])("an answer %s", async (_, fault, message) => {
  registry.fault(fault);
  const outcome = await pull(registry.push("a", await makeImage()));
  expect(outcome.status).toBe(1);
  expect(outcome.message).toContain(message);
  expect(await leftovers()).toEqual([]);
});

test("a web page instead of a blob: it is not that blob", async () => {
  registry.fault(htmlFault("blob"));
  await expectRefusal(await makeImage(), "SIZE_MISMATCH", /bytes/);
});

test("a failed pull leaves nothing in the way of the next", async () => {
  const image = await makeImage();
  const name = registry.push("a", image);
  registry.replaceBlob("a", layerOf(image).digest as Digest, Buffer.from("no"));
  expect(await pull(name)).toMatchObject({ status: 1 });
  registry.push("a", image);
  expect(await pull(name)).toMatchObject({ status: 0 });
});
