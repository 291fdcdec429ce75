/** Manifests from a registry with faults, through the transport that uses the client. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { causesOf } from "../../../src/errors.ts";
import { failureOf } from "../../support/failures.ts";
import { CLEAN_ENVIRONMENT, INSECURE, OneImage } from "../../support/one-image.ts";
import { type Fault, htmlFault, type RegistryOptions } from "../../support/registry.ts";

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

test("manifest by tag and by digest: the bytes, their type and their digest", async () => {
  const expected = { bytes: at.image.manifest, mediaType: at.image.mediaType, digest: at.image.digest };
  expect(await at.manifest()).toEqual(expected);
  expect(await at.manifest({ typed: `${at.registry.host}/team/app@${at.image.digest}` })).toEqual(expected);
  expect(await at.manifest({ typed: `${at.registry.host}/team/app:other@${at.image.digest}` })).toEqual(
    expected,
  );
  expect(at.registry.requestsOf("manifest")[0]?.headers["accept"]).toContain("vnd.oci.image.index.v1+json");
});

test("unknown image: IMAGE_UNKNOWN, the registry's words as cause", async () => {
  const failure = await failureOf(() => at.manifest({ typed: `${at.registry.host}/team/none:1` }));
  expect(failure.code).toBe("IMAGE_UNKNOWN");
  expect(failure.message).toBe(`${at.registry.host}/team/none:1 is unknown to registry ${at.registry.host}`);
  expect(failure.cause).toMatchObject({ code: "MANIFEST_UNKNOWN", message: "manifest unknown" });
});

test("unreachable registry: REGISTRY_UNREACHABLE with host, reason and hint", async () => {
  const { host } = at.registry;
  await at.registry.close();
  for (const options of [INSECURE, {}]) {
    const failure = await failureOf(() => at.manifest({ typed: `${host}/a`, ...options }));
    expect(failure.code).toBe("REGISTRY_UNREACHABLE");
    expect(failure.message).toBe(`registry ${host} cannot be reached: connection refused`);
    expect(failure.hint).toContain(host);
  }
});

test("unknown host: no second attempt", async () => {
  const failure = await failureOf(() => at.manifest({ typed: "registry.invalid/a", tlsVerify: true }));
  expect(failure.code).toBe("REGISTRY_UNREACHABLE");
  expect(failure.message).toMatch(/no such host|name server/);
});

test("plain http without being marked insecure: refused, nothing is sent, and the hint says how", async () => {
  const failure = await failureOf(() => at.manifest({ tlsVerify: true }));
  expect(failure).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: expect.stringContaining("does not speak https"),
    hint: expect.stringContaining("insecure = true"),
  });
  expect(causesOf(failure).join("")).not.toMatch(/\p{Cc}/u);
  expect(at.registry.requests).toEqual([]);
});

test.each([
  ["500", { on: "manifest", times: 2, status: 500 }],
  ["503 with Retry-After", { on: "manifest", times: 1, status: 503, headers: { "retry-after": "0" } }],
  ["429 with Retry-After", { on: "manifest", times: 4, status: 429, headers: { "retry-after": "0" } }],
  ["a connection cut before the answer", { on: "manifest", times: 2, reset: true }],
  ["a body cut short", { on: "manifest", times: 2, cut: 10 }],
  ["a ping that fails", { on: "ping", times: 1, reset: true }],
] as [string, Fault][])("a passing fault is waited out: %s", async (_, fault) => {
  at.registry.fault(fault);
  expect((await at.manifest()).digest).toBe(at.image.digest);
});

test.each([
  ["500", { on: "manifest", status: 500 }, "REGISTRY_UNREACHABLE", "answered 500"],
  ["429", { on: "manifest", status: 429 }, "TOOMANYREQUESTS", "asks for fewer requests"],
  ["cuts", { on: "manifest", cut: 10 }, "REGISTRY_UNREACHABLE", "the connection was cut"],
  ["418", { on: "manifest", status: 418 }, "UNSUPPORTED", "answered 418"],
  ["403", { on: "manifest", status: 403 }, "DENIED", "denies access"],
  ["404 without words", { on: "manifest", status: 404 }, "IMAGE_UNKNOWN", "is unknown"],
  ["a web page", htmlFault("manifest"), "MANIFEST_INVALID", "answered with a web page"],
  [
    "a redirect loop",
    { on: "manifest", status: 307, headers: { location: "/v2/team/app/manifests/1.0" } },
    "REGISTRY_UNREACHABLE",
    "redirects more than 10 times",
  ],
  [
    "a redirect to no URL",
    { on: "manifest", status: 307, headers: { location: "file:///etc/passwd" } },
    "REGISTRY_UNREACHABLE",
    "which is not https",
  ],
] as [string, Fault, string, string][])("a lasting fault ends: %s", async (_, fault, code, message) => {
  at.registry.fault(fault);
  const failure = await failureOf(() => at.manifest());
  expect(failure.code).toBe(code);
  expect(failure.message).toContain(message);
  expect(at.registry.requestsOf("manifest").length).toBeLessThanOrEqual(11);
});

test("statement 18: the server's words come with control characters escaped", async () => {
  const body = JSON.stringify({ errors: [{ code: "NAME_INVALID", message: "\u001b]0;x\u0007\u202e bad" }] });
  at.registry.fault({ on: "manifest", status: 400, body });
  const failure = await failureOf(() => at.manifest());
  expect(failure.code).toBe("REPOSITORY_NAME_INVALID");
  expect(causesOf(failure)).toEqual(["\\x1b]0;x\\x07\\u{202e} bad"]);
});

test("a manifest reached by digest must have it, whatever the server says", async () => {
  at.registry.fault({ on: "manifest", corrupt: true, headers: { "docker-content-digest": at.image.digest } });
  const failure = await failureOf(() =>
    at.manifest({ typed: `${at.registry.host}/team/app@${at.image.digest}` }),
  );
  expect(failure.code).toBe("DIGEST_MISMATCH");
  expect(failure.message).toContain(`expected ${at.image.digest}`);
});

test("statement 5: bodies beyond their limit end in an error, with the connection", async () => {
  at.registry.fault({ on: "manifest", endless: true });
  const manifest = await failureOf(() => at.manifest());
  expect(manifest).toMatchObject({
    code: "MANIFEST_INVALID",
    message: expect.stringContaining("larger than 4194304"),
  });
  at.registry.heal();
  at.registry.fault({ on: "manifest", status: 400, endless: true });
  expect((await failureOf(() => at.manifest())).message).toContain("answered 400");
  await restart({ auth: "bearer", anonymous: true });
  at.registry.fault({ on: "token", endless: true });
  expect((await failureOf(() => at.manifest())).message).toContain("token from");
});

test("abort: INTERRUPTED, at once, while a server is silent", async () => {
  at.registry.fault({ on: "manifest", delay: 30_000 });
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  const started = Date.now();
  const failure = await failureOf(() => at.manifest({ signal: controller.signal }));
  expect(failure.code).toBe("INTERRUPTED");
  expect(Date.now() - started).toBeLessThan(5000);
});

test("proxy: what the environment names is used, but never for this host itself", async () => {
  for (const name of ["http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"])
    vi.stubEnv(name, undefined);
  vi.stubEnv("HTTP_PROXY", at.registry.origin);
  vi.stubEnv("HTTPS_PROXY", at.registry.origin);
  expect((await at.manifest({ typed: "registry.invalid/team/app:1.0" })).digest).toBe(at.image.digest);
  expect(at.registry.requestsOf("manifest")[0]).toMatchObject({
    url: "http://registry.invalid/v2/team/app/manifests/1.0",
    headers: { host: "registry.invalid" },
  });
  vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:1");
  vi.stubEnv("HTTPS_PROXY", "http://127.0.0.1:1");
  expect((await at.manifest()).digest).toBe(at.image.digest);
});

test("proxy: one that is no URL is named without showing it", async () => {
  vi.stubEnv("http_proxy", "http://user:hunter2@[bad");
  const failure = await failureOf(() => at.manifest());
  expect(failure.code).toBe("CONFIG_INVALID");
  expect(JSON.stringify([failure.message, ...causesOf(failure)])).not.toContain("hunter2");
});
