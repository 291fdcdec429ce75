/** Authentication against a registry and its token server, through the transport that uses the client. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { causesOf } from "../../../src/errors.ts";
import { failureOf } from "../../support/failures.ts";
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

test.each(["basic", "bearer"] as const)(
  "%s authentication: right, wrong and no credentials",
  async (auth) => {
    await restart({ auth });
    expect((await at.manifest({ authFile: await at.login() })).digest).toBe(at.image.digest);
    const wrong = await failureOf(async () => at.manifest({ authFile: await at.login("user", "hunter2") }));
    expect(wrong.code).toBe("UNAUTHORIZED");
    expect(wrong.hint).toContain("credentials");
    expect([wrong.message, ...causesOf(wrong)].join()).not.toMatch(/hunter2|dXNlcj/);
    const none = await failureOf(() => at.manifest());
    expect(none.code).toBe("UNAUTHORIZED");
  },
);

test("bearer: anonymous, one token for all requests of a repository", async () => {
  await restart({ auth: "bearer", anonymous: true });
  await withSource(
    at.name,
    async (source) => {
      await source.manifest();
      await readBlob(source, at.layer);
      await readBlob(source, at.layer);
    },
    INSECURE,
  );
  const [request, ...more] = at.registry.requestsOf("token");
  expect(more).toEqual([]);
  expect(request?.url).toBe("/token?service=test-service&scope=repository%3Ateam%2Fapp%3Apull");
  expect(request?.headers.authorization).toBeUndefined();
});

test("bearer: the account and the password go to the token server only", async () => {
  await restart({ auth: "bearer", openPing: true });
  await at.manifest({ authFile: await at.login() });
  const basic = at.registry.requests.filter(({ headers }) => headers.authorization?.startsWith("Basic"));
  expect(basic.map(({ kind }) => kind)).toEqual(["token"]);
  expect(basic[0]?.url).toContain("account=user");
});

test("bearer: an identity token is exchanged by POST", async () => {
  await restart({ auth: "bearer", anonymous: true });
  const path = await at.authFile({ auths: { [at.registry.host]: { identitytoken: "refresh-1" } } });
  at.registry.fault({ on: "token", status: 200, body: '{"access_token":"x"}' });
  await failureOf(() => at.manifest({ authFile: path }));
  const [request] = at.registry.requestsOf("token");
  expect(request).toMatchObject({ method: "POST", url: "/token" });
  expect(Object.fromEntries(new URLSearchParams(request?.body))).toMatchObject({
    grant_type: "refresh_token",
    refresh_token: "refresh-1",
    service: "test-service",
    scope: "repository:team/app:pull",
  });
});

test("bearer: one more token on insufficient_scope, then no more", async () => {
  await restart({ auth: "bearer", anonymous: true });
  const challenge = `Bearer realm="${at.registry.origin}/token",service="s",scope="repository:base/x:pull",error="insufficient_scope"`;
  const fault: Fault = { on: "manifest", status: 401, headers: { "www-authenticate": challenge } };
  at.registry.fault({ ...fault, times: 2 });
  expect((await at.manifest()).digest).toBe(at.image.digest);
  expect(at.registry.requestsOf("token")).toHaveLength(2);
  expect(at.registry.requestsOf("token")[1]?.url).toContain("scope=repository%3Abase%2Fx%3Apull");
  at.registry.heal();
  at.registry.fault(fault);
  expect((await failureOf(() => at.manifest())).code).toBe("UNAUTHORIZED");
  expect(at.registry.requestsOf("token")).toHaveLength(2);
});

test("bearer: a token that the registry forgot is fetched anew", async () => {
  await restart({ auth: "bearer", anonymous: true });
  at.registry.fault({
    on: "blob",
    times: 1,
    status: 401,
    headers: { "www-authenticate": `Bearer realm="${at.registry.origin}/token"` },
  });
  await withSource(
    at.name,
    async (source) => {
      await source.manifest();
      await readBlob(source, at.layer);
    },
    INSECURE,
  );
  expect(at.registry.requestsOf("token")).toHaveLength(2);
});

test.each([
  ["a token server that fails for a while", { on: "token", times: 2, status: 503 }, undefined],
  ["a token server that fails", { on: "token", status: 503 }, "REGISTRY_UNREACHABLE"],
  ["a token server that answers with a page", htmlFault("token"), "UNAUTHORIZED"],
  [
    "a token with a line break",
    { on: "token", status: 200, body: '{"token":"a\\r\\nx: y"}' },
    "UNAUTHORIZED",
  ],
  ["no token", { on: "token", status: 200, body: "null" }, "UNAUTHORIZED"],
] as [string, Fault, string | undefined][])("bearer: %s", async (_, fault, code) => {
  await restart({ auth: "bearer", anonymous: true });
  at.registry.fault(fault);
  if (code === undefined) expect((await at.manifest()).digest).toBe(at.image.digest);
  else expect((await failureOf(() => at.manifest())).code).toBe(code);
});

test("basic: credentials of another registry are not sent", async () => {
  await restart({ auth: "basic" });
  const auth = Buffer.from("user:secret").toString("base64");
  const path = await at.authFile({ auths: { "127.0.0.1": { auth }, "other.io": { auth } } });
  expect((await failureOf(() => at.manifest({ authFile: path }))).code).toBe("UNAUTHORIZED");
  expect(at.registry.requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
});

test.each(["basic", "bearer"] as const)(
  "statement 7: a redirect to another host carries no Authorization (%s)",
  async (auth) => {
    await restart({ auth });
    const storage = await startRegistry();
    storage.push("team/app", at.image);
    const location = `${storage.origin}/v2/team/app/blobs/${at.layer.digest}?signature=x`;
    at.registry.fault({ on: "blob", skip: 1, status: 307, headers: { location } });
    expect(await at.blob(at.layer, { authFile: await at.login() })).toEqual(at.image.layers[0]);
    expect(at.registry.requestsOf("blob").at(-1)?.headers.authorization).toBeDefined();
    expect(storage.requestsOf("blob")).toHaveLength(1);
    expect(storage.requestsOf("blob")[0]?.headers.authorization).toBeUndefined();
    await storage.close();
  },
);

test("statement 7: a storage host that asks for credentials gets none", async () => {
  await restart({ auth: "basic" });
  const storage = await startRegistry({ auth: "basic" });
  storage.push("team/app", at.image);
  const location = `${storage.origin}/v2/team/app/blobs/${at.layer.digest}`;
  at.registry.fault({ on: "blob", skip: 1, status: 302, headers: { location } });
  expect((await failureOf(async () => at.blob(at.layer, { authFile: await at.login() }))).code).toBe(
    "UNAUTHORIZED",
  );
  expect(storage.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  await storage.close();
});

test("statement 7: a storage host cannot lead berth to its own token server", async () => {
  await restart({ auth: "basic" });
  const storage = await startRegistry({ auth: "bearer" });
  const location = `${storage.origin}/v2/team/app/blobs/${at.layer.digest}`;
  at.registry.fault({ on: "blob", status: 307, headers: { location } });
  const failure = await failureOf(async () => at.blob(at.layer, { authFile: await at.login() }));
  expect(failure.code).toBe("UNAUTHORIZED");
  expect(storage.requests.map(({ kind }) => kind)).toEqual(["blob"]);
  await storage.close();
});

test("bearer: a fresh token that is refused is not fetched again", async () => {
  await restart({ auth: "bearer", anonymous: true });
  const headers = { "www-authenticate": `Bearer realm="${at.registry.origin}/token",service="s"` };
  at.registry.fault({ on: "manifest", status: 401, headers });
  expect((await failureOf(() => at.manifest())).code).toBe("UNAUTHORIZED");
  expect(at.registry.requestsOf("token")).toHaveLength(1);
});
