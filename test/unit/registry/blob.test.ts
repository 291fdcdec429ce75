/** Blobs from a registry with faults, through the transport that uses the client. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { failureOf } from "../../support/failures.ts";
import { describe } from "../../support/images.ts";
import { CLEAN_ENVIRONMENT, INSECURE, OneImage } from "../../support/one-image.ts";
import { type Fault, htmlFault, type RegistryOptions, startRegistry } from "../../support/registry.ts";
import { readBlob, withSource } from "../../support/sources.ts";

let at: OneImage;

beforeEach(async () => {
  for (const [name, value] of Object.entries(CLEAN_ENVIRONMENT)) vi.stubEnv(name, value);
  at = await OneImage.start();
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await at.registry.close();
});

async function restart(options: RegistryOptions): Promise<void> {
  await at.registry.close();
  at = await OneImage.start(options);
}

test("blob: the verified bytes", async () => {
  expect(await at.blob()).toEqual(at.image.layers[0]);
});

test.each([
  ["altered", { on: "blob", corrupt: true }, "DIGEST_MISMATCH"],
  ["shorter", { on: "blob", grow: -1 }, "SIZE_MISMATCH"],
  ["longer", { on: "blob", grow: 1 }, "SIZE_MISMATCH"],
  ["endless", { on: "blob", endless: true }, "SIZE_MISMATCH"],
  ["cut again and again", { on: "blob", cut: 1000 }, "REGISTRY_UNREACHABLE"],
  ["a web page", htmlFault("blob"), "SIZE_MISMATCH"],
  ["unknown", { on: "blob", status: 404 }, "BLOB_UNKNOWN"],
] as [string, Fault, string][])("statement 3: a blob that is %s is refused", async (_, fault, code) => {
  at.registry.fault(fault);
  expect((await failureOf(() => at.blob())).code).toBe(code);
});

test("blob: after a cut the rest is asked for by Range", async () => {
  at.registry.fault({ on: "blob", times: 1, cut: 100_000 });
  expect(await at.blob()).toEqual(at.image.layers[0]);
  const ranges = at.registry.requestsOf("blob").map(({ headers }) => headers.range);
  expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=\d+-$/)]);
});

test("blob: a server without Range sends all again, and what is known is skipped", async () => {
  at.registry.fault({ on: "blob", times: 1, cut: 100_000 });
  at.registry.fault({ on: "blob", noRange: true });
  expect(await at.blob()).toEqual(at.image.layers[0]);
});

test("blob: other content after a cut is refused", async () => {
  at.registry.fault({ on: "blob", times: 1, cut: 100_000 });
  at.registry.fault({ on: "blob", corrupt: true });
  expect((await failureOf(() => at.blob())).code).toBe("DIGEST_MISMATCH");
});

test.each([
  ["another part", { "content-range": "bytes 5-9/10" }],
  ["no range at all", {}],
])("blob: 206 with %s is refused", async (_, headers) => {
  at.registry.fault({ on: "blob", times: 1, cut: 100_000 });
  at.registry.fault({ on: "blob", status: 206, body: "xxxxx", headers });
  const failure = await failureOf(() => at.blob());
  expect(failure.message).toContain("another part than asked for");
});

test("blob: a slow server is waited for", async () => {
  at.registry.fault({ on: "blob", chunk: 100_000, delay: 20 });
  expect(await at.blob()).toEqual(at.image.layers[0]);
});

test("blob: embedded data is used without a request", async () => {
  const bytes = Buffer.from("embedded");
  const descriptor = { ...describe(bytes, "x"), data: bytes.toString("base64") };
  expect(await withSource(at.name, (source) => readBlob(source, descriptor), INSECURE)).toEqual(bytes);
  expect(at.registry.requests).toEqual([]);
});

test("abort: INTERRUPTED in the middle of a blob", async () => {
  at.registry.fault({ on: "blob", chunk: 1000, delay: 20 });
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 100);
  expect((await failureOf(() => at.blob(at.layer, { signal: controller.signal }))).code).toBe("INTERRUPTED");
});

test("an unread blob leaves no connection behind", async () => {
  await withSource(
    at.name,
    async (source) => {
      for await (const chunk of source.blob(at.layer)) if (chunk.length > 0) break;
    },
    INSECURE,
  );
  await vi.waitFor(() => expect(at.registry.connections).toBe(0));
});

test("statement 7: a layer's own URL is asked without Authorization, only when the registry has not got it", async () => {
  await restart({ auth: "basic" });
  const storage = await startRegistry();
  storage.push("foreign/layer", at.image);
  const url = `${storage.origin}/v2/foreign/layer/blobs/${at.layer.digest}`;
  const options = { ...INSECURE, authFile: await at.login() };
  const foreign = { ...at.layer, urls: [url] };
  expect(await withSource(at.name, (source) => readBlob(source, foreign), options)).toEqual(
    at.image.layers[0],
  );
  expect(storage.requests).toEqual([]);
  at.registry.fault({ on: "blob", status: 404 });
  expect(await withSource(at.name, (source) => readBlob(source, foreign), options)).toEqual(
    at.image.layers[0],
  );
  expect(storage.requests[0]?.headers.authorization).toBeUndefined();
  await storage.close();
});
