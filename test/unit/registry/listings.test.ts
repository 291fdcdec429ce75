/** Tags, referrers and warnings: what a registry lists and says. */
import { afterEach, expect, test } from "vitest";
import type { Event } from "../../../src/events.ts";
import { sha256 } from "../../../src/oci/digest.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../../src/oci/manifest.ts";
import { failureOf } from "../../support/failures.ts";
import { makeContent, makeImage, type TestImage } from "../../support/images.ts";
import { withClient } from "../../support/one-client.ts";
import { htmlFault, type RegistryOptions, startRegistry, type TestRegistry } from "../../support/registry.ts";

const open: TestRegistry[] = [];

afterEach(async () => {
  for (const registry of open.splice(0)) await registry.close();
});

async function start(options: RegistryOptions = {}): Promise<{ registry: TestRegistry; image: TestImage }> {
  const registry = await startRegistry(options);
  open.push(registry);
  const image = await makeImage();
  for (const tag of ["1", "2", "3", "latest", "v1"]) registry.push("team/app", image, tag);
  return { registry, image };
}

const tags = (registry: TestRegistry): Promise<string[]> =>
  withClient(`${registry.host}/team/app`, (client) => client.tags());

test.each([undefined, 1, 2, 5])("tags: all of them, in pages of %s", async (pageSize) => {
  const { registry } = await start({ ...(pageSize !== undefined && { pageSize }) });
  expect(await tags(registry)).toEqual(["1", "2", "3", "latest", "v1"]);
  expect(registry.requestsOf("tags")).toHaveLength(pageSize === undefined ? 1 : Math.ceil(5 / pageSize));
});

test("statement 18: tags that are no tags are left out", async () => {
  const { registry } = await start();
  const body = JSON.stringify({ name: "team/app", tags: ["ok", "\u001b[2J", "../x", 7, null, "a b"] });
  registry.fault({ on: "tags", status: 200, body });
  expect(await tags(registry)).toEqual(["ok"]);
});

test("tags: null is none, an unknown repository is an error", async () => {
  const { registry } = await start();
  registry.fault({ on: "tags", times: 1, status: 200, body: '{"name":"team/app","tags":null}' });
  expect(await tags(registry)).toEqual([]);
  const failure = await failureOf(() => withClient(`${registry.host}/none`, (client) => client.tags()));
  expect(failure.code).toBe("IMAGE_UNKNOWN");
});

test.each([
  ["that lead in a circle", { link: '</v2/team/app/tags/list>; rel="next"' }, "has no end"],
  ["of another host", { link: '<http://127.0.0.1:1/v2/team/app/tags/list?last=1>; rel="next"' }, undefined],
] as const)("tags: pages %s", async (_, headers, message) => {
  const { registry } = await start();
  registry.fault({ on: "tags", times: 1, status: 200, headers, body: '{"tags":["x"]}' });
  const outcome = message === undefined ? await tags(registry) : await failureOf(() => tags(registry));
  if (message === undefined) expect(outcome).toEqual(["x", "2", "3", "latest", "v1"]);
  else expect(outcome).toMatchObject({ code: "MANIFEST_INVALID", message: expect.stringContaining(message) });
});

test("tags: pages without end", async () => {
  const { registry } = await start();
  const answers = Array.from({ length: 1001 }, (_, at) => at);
  for (const at of answers)
    registry.fault({
      on: "tags",
      times: 1,
      status: 200,
      headers: { link: `</v2/team/app/tags/list?last=${at}>; rel="next"` },
      body: '{"tags":["x"]}',
    });
  expect((await failureOf(() => tags(registry))).message).toContain("has no end");
});

test.each([
  ["a web page", htmlFault("tags")],
  ["no object", { on: "tags" as const, status: 200, body: "[]" }],
  ["beyond 4 MiB", { on: "tags" as const, endless: true }],
])("tags: an answer that is %s is refused", async (_, fault) => {
  const { registry } = await start();
  registry.fault(fault);
  expect((await failureOf(() => tags(registry))).code).toBe("MANIFEST_INVALID");
});

const SIGNATURE = "application/vnd.example.signature";

/** Something that refers to an image: a manifest without layers. */
function referrer(image: TestImage, artifactType: string, more: object = {}) {
  const { mediaType, digest, size } = image.descriptor;
  const body = { schemaVersion: 2, mediaType: OCI_MANIFEST, artifactType, layers: [] };
  return makeContent({ ...body, subject: { mediaType, digest, size }, ...more }, OCI_MANIFEST);
}

const listed = (registry: TestRegistry, image: TestImage, artifactType?: string): Promise<string[]> =>
  withClient(`${registry.host}/team/app`, async (client) =>
    (await client.referrers(image.digest, { artifactType })).map(({ digest }) => digest),
  );

test.each([
  ["by the API", { referrers: true }],
  ["by the API, in pages", { referrers: true, pageSize: 1 }],
  ["by the fallback tag", {}],
] as [string, RegistryOptions][])("referrers %s", async (_, options) => {
  const { registry, image } = await start(options);
  expect(await listed(registry, image)).toEqual([]);
  const annotations = { "org.example.by": "me" };
  const all = [referrer(image, SIGNATURE, { annotations }), referrer(image, "application/vnd.example.sbom")];
  await withClient(`${registry.host}/team/app`, async (client) => {
    for (const { manifest, mediaType, digest } of all)
      await client.putManifest(manifest, { mediaType, digest });
    const [first] = await client.referrers(image.digest);
    expect(first).toMatchObject({ artifactType: SIGNATURE, size: all[0]?.manifest.length });
  });
  expect(await listed(registry, image)).toEqual(all.map(({ digest }) => digest));
  expect(await listed(registry, image, SIGNATURE)).toEqual([all[0]?.digest]);
  const tag = `sha256-${image.digest.slice("sha256:".length)}`;
  expect(registry.content.tags.get("team/app")?.has(tag)).toBe(options.referrers !== true);
});

test("referrers: put twice, listed once, and the index says what it is", async () => {
  const { registry, image } = await start();
  const { manifest, mediaType, digest } = referrer(image, SIGNATURE);
  await withClient(`${registry.host}/team/app`, async (client) => {
    await client.putManifest(manifest, { mediaType, digest });
    await client.putManifest(manifest, { mediaType, digest });
    const tag = `sha256-${image.digest.slice("sha256:".length)}`;
    const index = await client.manifest(tag);
    expect(index.mediaType).toBe(OCI_INDEX);
    expect(JSON.parse(index.bytes.toString())).toEqual({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ mediaType, digest, size: manifest.length, artifactType: SIGNATURE }],
    });
    expect(index.digest).toBe(sha256(index.bytes));
  });
});

test("referrers: a registry that lists rubbish is refused", async () => {
  const { registry, image } = await start({ referrers: true });
  const manifests = [{ mediaType: OCI_MANIFEST, digest: "sha256:../../x", size: 1 }];
  registry.fault({ on: "referrers", status: 200, body: JSON.stringify({ manifests }) });
  const failure = await failureOf(() => listed(registry, image));
  expect(failure).toMatchObject({
    code: "MANIFEST_INVALID",
    message: expect.stringContaining("invalid digest"),
  });
});

test("Warning: 299 is passed on once, escaped; other warnings are not", async () => {
  const { registry } = await start();
  const warning = '299 - "this \\"registry\\" closes \u009b soon"';
  registry.fault({ on: "tags", times: 2, headers: { warning } });
  registry.fault({ on: "tags", times: 1, headers: { warning: '110 cache "stale"' } });
  const events: Event[] = [];
  await withClient(
    `${registry.host}/team/app`,
    async (client) => {
      for (let times = 0; times < 3; times++) await client.tags();
    },
    { report: (event) => events.push(event) },
  );
  expect(events).toEqual([
    { type: "warning", message: `registry ${registry.host} says: this "registry" closes \\x9b soon` },
  ]);
});
