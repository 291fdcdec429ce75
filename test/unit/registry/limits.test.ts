/** What bounds the time a server can take: the client's own limits, set short. */
import { createServer, type Server } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseReference, type RegistryReference } from "../../../src/oci/reference.ts";
import type { BlobOptions } from "../../../src/registry/blob.ts";
import { type ClientOptions, RegistryClient } from "../../../src/registry/client.ts";
import { Lookaside } from "../../../src/registry/lookaside.ts";
import { failureOf } from "../../support/failures.ts";
import { OneImage } from "../../support/one-image.ts";
import type { Fault, RequestKind } from "../../support/registry.ts";

let at: OneImage;

beforeEach(async () => {
  at = await OneImage.start();
});

afterEach(async () => await at.registry.close());

async function withClient<T>(
  use: (client: RegistryClient) => Promise<T>,
  { name = at.name, insecure = true, ...options }: ClientOptions & { name?: string; insecure?: boolean } = {},
): Promise<T> {
  const reference = parseReference(name) as RegistryReference;
  const client = await RegistryClient.open({ reference, insecure }, { retryMs: 1, ...options });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

async function count(source: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of source) bytes += chunk.length;
  return bytes;
}

const blob = (options: BlobOptions = {}) =>
  withClient((client) => count(client.blob(at.layer.digest, options)));

test("a server that does not answer", async () => {
  at.registry.fault({ on: "manifest", delay: 30_000 });
  const failure = await failureOf(() => withClient((client) => client.manifest("1.0"), { idleMs: 100 }));
  expect(failure).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: expect.stringContaining("no answer within the time limit"),
  });
}, 20_000);

test("a server that stops in the middle", async () => {
  at.registry.fault({ on: "manifest", chunk: 100, delay: 3000 });
  const failure = await failureOf(() => withClient((client) => client.manifest("1.0"), { idleMs: 1100 }));
  expect(failure.code).toBe("REGISTRY_UNREACHABLE");
  expect(failure.message).toMatch(/stopped arriving|no answer within/);
}, 20_000);

test("a port that accepts and says nothing", async () => {
  const server: Server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const name = `127.0.0.1:${port}/a`;
  const failure = await failureOf(() =>
    withClient((client) => client.manifest("1.0"), { name, insecure: false, connectMs: 100 }),
  );
  expect(failure.code).toBe("REGISTRY_UNREACHABLE");
  server.close();
}, 20_000);

test("blob: a drip is given up", async () => {
  at.registry.fault({ on: "blob", chunk: 10, delay: 10 });
  const failure = await failureOf(() => blob({ minBytes: 10_000, windowMs: 200 }));
  expect(failure).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: expect.stringContaining("too slowly"),
  });
});

test("blob: a slow reader is not held against the server", async () => {
  const bytes = await withClient(async (client) => {
    let received = 0;
    for await (const chunk of client.blob(at.layer.digest, { minBytes: 1_000_000, windowMs: 150 })) {
      received += chunk.length;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    return received;
  });
  expect(bytes).toBe(at.layer.size);
});

test("blob: cuts without progress are counted", async () => {
  at.registry.fault({ on: "blob", cut: 1000 });
  expect((await failureOf(() => blob())).code).toBe("REGISTRY_UNREACHABLE");
  expect(at.registry.requestsOf("blob")).toHaveLength(2);
  at.registry.requests.length = 0;
  expect((await failureOf(() => blob({ longAgoMs: 0 }))).code).toBe("REGISTRY_UNREACHABLE");
  expect(at.registry.requestsOf("blob")).toHaveLength(6);
});

const drip: Fault = { on: "other", chunk: 1, delay: 20 };
const quick = { smallMs: 200 };

test.each<[RequestKind, (client: RegistryClient) => Promise<unknown>]>([
  ["manifest", (client) => client.manifest("1.0")],
  ["tags", (client) => client.tags()],
  ["referrers", (client) => client.referrers(at.image.digest)],
])("%s: a drip ends in time", async (on, use) => {
  await at.registry.close();
  at = await OneImage.start({ referrers: true });
  at.registry.fault({ ...drip, on });
  const started = performance.now();
  expect(await failureOf(() => withClient(use, quick))).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: expect.stringContaining("the answer took too long"),
  });
  expect(performance.now() - started).toBeLessThan(3000);
  expect(at.registry.requestsOf(on)).toHaveLength(3);
});

test("token: a drip ends in time", async () => {
  await at.registry.close();
  at = await OneImage.start({ auth: "bearer", anonymous: true });
  at.registry.fault({ ...drip, on: "token" });
  expect(await failureOf(() => withClient((client) => client.manifest("1.0"), quick))).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: expect.stringContaining("the answer took too long"),
  });
});

test.each([
  ["a drip", { ...drip, on: /signature-1$/, status: 200, body: Buffer.alloc(1000, 0xa3) }, "took too long"],
  ["without an end", { on: /signature-1$/, status: 200, endless: true }, "larger than 4194304 bytes"],
  [
    "a redirect in circles",
    { on: /signature-1/, status: 307, headers: { location: "?again" } },
    "redirects more",
  ],
] as [string, Fault, string][])("signature: %s ends in time and memory", async (_, fault, message) => {
  at.registry.fault(fault);
  const before = process.memoryUsage().rss;
  const options = { ...quick, retryMs: 1, insecure: true };
  const place = new Lookaside(new URL(`${at.registry.origin}/signatures`), "team/app", options);
  const failure = await failureOf(() => place.read(at.image.digest));
  expect(failure.message).toContain(message);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
});

test("signatures and pages that are slow together end in time", async () => {
  const slow = { smallMs: 300, retryMs: 1, insecure: true };
  at.registry.fault({ on: /signature-/, delay: 100, status: 200, body: Buffer.from([0xa3, 1]) });
  const place = new Lookaside(new URL(`${at.registry.origin}/signatures`), "team/app", slow);
  const started = performance.now();
  expect((await failureOf(() => place.read(at.image.digest))).message).toContain("too slowly");
  for (let page = 0; page < 100; page++) {
    const headers = { link: `</v2/team/app/tags/list?last=${page}>; rel="next"` };
    at.registry.fault({ on: "tags", times: 1, delay: 100, status: 200, headers, body: "{}" });
  }
  const failure = await failureOf(() => withClient((client) => client.tags(), { smallMs: 300 }));
  expect(failure.message).toContain("too slowly");
  expect(performance.now() - started).toBeLessThan(15_000);
});

test("lists: pages that are large together are refused", async () => {
  const body = JSON.stringify({
    tags: Array.from({ length: 30_000 }, (_, index) => `${index}`.padStart(120, "t")),
  });
  for (let page = 0; page < 30; page++) {
    const headers = { link: `</v2/team/app/tags/list?last=${page}>; rel="next"` };
    at.registry.fault({ on: "tags", times: 1, status: 200, headers, body });
  }
  const failure = await failureOf(() => withClient((client) => client.tags()));
  expect(failure.message).toContain("has no end");
  expect(at.registry.requestsOf("tags").length).toBeLessThan(25);
});
