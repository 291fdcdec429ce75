/** How registries.conf and credentials reach the client. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { causesOf } from "../../../src/errors.ts";
import type { Event, Report } from "../../../src/events.ts";
import { failureOf } from "../../support/failures.ts";
import { CLEAN_ENVIRONMENT, OneImage } from "../../support/one-image.ts";
import { type Fault, htmlFault } from "../../support/registry.ts";
import { readBlob, withSource } from "../../support/sources.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

let at: OneImage;
let root: string;

beforeEach(async () => {
  for (const [name, value] of Object.entries(CLEAN_ENVIRONMENT)) vi.stubEnv(name, value);
  at = await OneImage.start({ auth: "basic" });
  root = await temporaryDirectory("root");
  await mkdir(join(root, "etc/containers"), { recursive: true });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await at.registry.close();
});

const configure = (text: string): Promise<void> =>
  writeFile(join(root, "etc/containers/registries.conf"), text);
const digestOf = (typed: string, authFile: string): Promise<string> =>
  withSource(typed, async (source) => (await source.manifest()).digest, { root, authFile });

test("a location takes the place of the prefix, with the credentials of the place itself", async () => {
  await configure(
    `[[registry]]\nprefix = "example.com"\nlocation = "${at.registry.host}"\ninsecure = true\n`,
  );
  expect(await digestOf("example.com/team/app:1.0", await at.login())).toBe(at.image.digest);
  const auth = Buffer.from("user:secret").toString("base64");
  const other = await at.authFile({ auths: { "example.com": { auth } } });
  expect((await failureOf(() => digestOf("example.com/team/app:1.0", other))).code).toBe("UNAUTHORIZED");
});

test("a blocked registry is not asked", async () => {
  await configure(`[[registry]]\nlocation = "${at.registry.host}"\nblocked = true\n`);
  const failure = await failureOf(async () => digestOf(at.name, await at.login()));
  expect(failure.code).toBe("DENIED");
  expect(at.registry.requests).toEqual([]);
});

test("insecure: a registry that comes up late is found by a later attempt", async () => {
  await configure(`[[registry]]\nlocation = "${at.registry.host}"\ninsecure = true\n`);
  at.registry.fault({ on: "ping", times: 1, reset: true });
  expect(await digestOf(at.name, await at.login())).toBe(at.image.digest);
});

/** A second registry with the same image, as the mirror of example.com; the first is example.com itself. */
async function withMirror(use: (mirror: OneImage) => Promise<void>, usage = "all"): Promise<void> {
  const mirror = await OneImage.start();
  const table = `[[registry]]\nprefix = "example.com"\nlocation = "${at.registry.host}"\ninsecure = true\n`;
  await configure(
    `${table}[[registry.mirror]]\nlocation = "${mirror.registry.host}"\ninsecure = true\npull-from-mirror = "${usage}"\n`,
  );
  try {
    await use(mirror);
  } finally {
    await mirror.registry.close();
  }
}

const NAME = "example.com/team/app:1.0";

const pullAll = async (authFile: string, report?: Report): Promise<number> =>
  withSource(
    NAME,
    async (source) => {
      await source.manifest();
      return (await readBlob(source, at.layer)).length;
    },
    { root, authFile, ...(report !== undefined && { report }) },
  );

test("mirror: asked first, for everything, with its own credentials; the registry is not asked", async () => {
  await withMirror(async (mirror) => {
    expect(await pullAll(await at.login())).toBe(at.layer.size);
    expect(at.registry.requests).toEqual([]);
    for (const { headers } of mirror.registry.requests) expect(headers.authorization).toBeUndefined();
  });
});

test.each([
  ["has not got the image", { on: "manifest", status: 404 }],
  ["is down", { on: /./, reset: true }],
  ["has a manifest that is a web page", htmlFault("manifest")],
  ["denies it", { on: "manifest", status: 403 }],
] as [string, Fault][])("mirror that %s: the registry is asked, and a warning says why", async (_, fault) => {
  await withMirror(async (mirror) => {
    mirror.registry.fault(fault);
    const events: Event[] = [];
    expect(await pullAll(await at.login(), (event) => events.push(event))).toBe(at.layer.size);
    const warnings = events.filter(({ type }) => type === "warning").map((event) => JSON.stringify(event));
    expect(warnings.at(-1)).toContain(`mirror ${mirror.registry.host}: `);
    expect(at.registry.requestsOf("blob").length).toBeGreaterThan(0);
  });
});

test("mirror that has the manifest and not the layer: the registry gives the layer", async () => {
  await withMirror(async (mirror) => {
    mirror.registry.fault({ on: "blob", status: 404 });
    expect(await pullAll(await at.login())).toBe(at.layer.size);
    expect(at.registry.requestsOf("manifest")).toEqual([]);
  });
});

test("mirror that sends another layer: an error, not a try elsewhere", async () => {
  await withMirror(async (mirror) => {
    mirror.registry.fault({ on: "blob", corrupt: true });
    expect((await failureOf(async () => pullAll(await at.login()))).code).toBe("DIGEST_MISMATCH");
    expect(at.registry.requests).toEqual([]);
  });
});

test("mirror and registry fail: the registry's error, with what the mirror said", async () => {
  await withMirror(async (mirror) => {
    mirror.registry.fault({ on: "manifest", status: 404 });
    at.registry.fault({ on: "manifest", status: 403 });
    const failure = await failureOf(async () => pullAll(await at.login()));
    expect(failure.code).toBe("DENIED");
    expect(causesOf(failure)[0]).toMatch(`mirror ${mirror.registry.host}: `);
  });
});

test("mirror for digests only: a tag is asked of the registry", async () => {
  await withMirror(async (mirror) => {
    await pullAll(await at.login());
    expect(mirror.registry.requests).toEqual([]);
    const digest = await digestOf(`example.com/team/app@${at.image.digest}`, await at.login());
    expect(digest).toBe(at.image.digest);
    expect(mirror.registry.requestsOf("manifest")).toHaveLength(1);
  }, "digest-only");
});
