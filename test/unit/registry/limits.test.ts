/** What bounds the time a server can take: the client's own limits, set short. */
import { createServer, type Server } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseReference, type RegistryReference } from "../../../src/oci/reference.ts";
import type { BlobOptions } from "../../../src/registry/blob.ts";
import { type ClientOptions, RegistryClient } from "../../../src/registry/client.ts";
import { failureOf } from "../../support/failures.ts";
import { OneImage } from "../../support/one-image.ts";

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
