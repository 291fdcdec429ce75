/** https: certificates, and what a registry that speaks it may not lead to. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { failureOf } from "../../support/failures.ts";
import { makeImage, type TestImage } from "../../support/images.ts";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";
import { readBlob, withSource } from "../../support/sources.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const FIXTURES = new URL("../../fixtures/tls/", import.meta.url);
let cert: string;
let key: string;
let image: TestImage;
let root: string;
const open: TestRegistry[] = [];

beforeAll(async () => {
  cert = await readFile(new URL("server.crt", FIXTURES), "utf8");
  key = await readFile(new URL("server.key", FIXTURES), "utf8");
  image = await makeImage();
});

beforeEach(async () => {
  root = await temporaryDirectory("root");
  vi.stubEnv("HOME", root);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const registry of open.splice(0)) await registry.close();
});

async function start(options: Parameters<typeof startRegistry>[0] = {}): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  open.push(registry);
  return registry;
}

async function trust(host: string, name = "ca.crt", content = cert): Promise<void> {
  const directory = join(root, "etc/containers/certs.d", host);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, name), content);
}

const digestOf = (typed: string, options: object = {}): Promise<string> =>
  withSource(typed, async (source) => (await source.manifest()).digest, { root, ...options });

test("an unknown authority is refused, with the place for its certificate", async () => {
  const registry = await start({ tls: { cert, key } });
  const name = registry.push("a", image);
  const failure = await failureOf(() => digestOf(name));
  expect(failure).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: `registry ${registry.host} cannot be reached: its certificate is self-signed`,
    hint: expect.stringContaining(`/etc/containers/certs.d/${registry.host}/ca.crt`),
  });
  expect(registry.requests).toEqual([]);
});

test("certs.d: the authority of this host and port is trusted", async () => {
  const registry = await start({ tls: { cert, key } });
  const name = registry.push("a", image);
  await trust("127.0.0.1");
  expect((await failureOf(() => digestOf(name))).code).toBe("REGISTRY_UNREACHABLE");
  await trust(registry.host);
  expect(await digestOf(name)).toBe(image.digest);
});

test("certs.d: a file that is no certificate is named as a fault of the configuration", async () => {
  const registry = await start({ tls: { cert, key } });
  const name = registry.push("a", image);
  await trust(registry.host, "ca.crt", "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n");
  expect((await failureOf(() => digestOf(name))).code).toBe("CONFIG_INVALID");
});

test("certs.d: a registry that wants a client certificate gets the pair of .cert and .key", async () => {
  const registry = await start({ tls: { cert, key, ca: cert } });
  const name = registry.push("a", image);
  await trust(registry.host);
  expect((await failureOf(() => digestOf(name))).cause).toMatchObject({ message: "no client certificate" });
  await trust(registry.host, "client.cert", cert);
  await trust(registry.host, "client.key", key);
  expect(await digestOf(name)).toBe(image.digest);
  expect(await digestOf(name, { tlsVerify: false })).toBe(image.digest);
});

test("certs.d: the client certificate is for the registry, not for where it redirects to", async () => {
  const storage = await start({ tls: { cert, key, ca: cert } });
  storage.push("a", image);
  const registry = await start({ tls: { cert, key, ca: cert } });
  const name = registry.push("a", image);
  await trust(registry.host);
  await trust(registry.host, "client.cert", cert);
  await trust(registry.host, "client.key", key);
  registry.fault({
    on: "manifest",
    status: 307,
    headers: { location: `${storage.origin}/v2/a/manifests/latest` },
  });
  expect((await failureOf(() => digestOf(name))).cause).toMatchObject({ message: "no client certificate" });
});

test.each([
  ["client.cert", "missing key client.key for client certificate client.cert"],
  ["client.key", "missing client certificate client.cert for key client.key"],
])("certs.d: %s alone is named as half of a pair", async (name, message) => {
  await trust("127.0.0.1:1", name, name.endsWith(".key") ? key : cert);
  const failure = await failureOf(() => digestOf("127.0.0.1:1/a"));
  expect(failure).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining(message) });
});

test("certs.d: a key that is none is named, and nothing of it is shown", async () => {
  await trust("127.0.0.1:1", "client.cert");
  await trust(
    "127.0.0.1:1",
    "client.key",
    "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
  );
  const failure = await failureOf(() => digestOf("127.0.0.1:1/a"));
  expect(failure.message).toMatch(/client\.key is not a private key/);
  expect(failure.cause).toBeUndefined();
});

test("insecure: https without verification comes before http", async () => {
  const registry = await start({ tls: { cert, key } });
  expect(await digestOf(registry.push("a", image), { tlsVerify: false })).toBe(image.digest);
});

test("tlsVerify: true overrides insecure of registries.conf", async () => {
  const registry = await start({ tls: { cert, key } });
  const name = registry.push("a", image);
  await mkdir(join(root, "etc/containers"), { recursive: true });
  const table = `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`;
  await writeFile(join(root, "etc/containers/registries.conf"), table);
  expect(await digestOf(name)).toBe(image.digest);
  expect((await failureOf(() => digestOf(name, { tlsVerify: true }))).code).toBe("REGISTRY_UNREACHABLE");
});

test("statement 8: a token server without https gets no password from an https registry", async () => {
  const tokens = await start({ auth: "bearer" });
  const registry = await start({ tls: { cert, key }, auth: "bearer", realm: `${tokens.origin}/token` });
  const name = registry.push("a", image);
  await trust(registry.host);
  const auth = Buffer.from("user:secret").toString("base64");
  const authFile = join(root, "auth.json");
  await writeFile(authFile, JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const failure = await failureOf(() => digestOf(name, { authFile }));
  expect(failure).toMatchObject({
    code: "UNAUTHORIZED",
    message: expect.stringContaining("not an https URL"),
  });
  expect(tokens.requests).toEqual([]);
});

test("statement 7: an https registry may not redirect to http", async () => {
  const storage = await start();
  storage.push("a", image);
  const registry = await start({ tls: { cert, key } });
  const name = registry.push("a", image);
  await trust(registry.host);
  const { layers } = JSON.parse(image.manifest.toString()) as { layers: Descriptor[] };
  const [layer] = layers as [Descriptor];
  registry.fault({
    on: "blob",
    status: 307,
    headers: { location: `${storage.origin}/v2/a/blobs/${layer.digest}` },
  });
  const failure = await failureOf(() => withSource(name, (source) => readBlob(source, layer), { root }));
  expect(failure.message).toContain("which is not https");
  const foreign = { ...layer, urls: [`${storage.origin}/v2/a/blobs/${layer.digest}`] };
  registry.heal();
  registry.fault({ on: "blob", status: 404 });
  expect(
    (await failureOf(() => withSource(name, (source) => readBlob(source, foreign), { root }))).code,
  ).toBe("MANIFEST_INVALID");
  expect(storage.requests).toEqual([]);
});
