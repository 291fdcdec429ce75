/** An image goes to a registry: what is there is not sent, what another repository has is mounted, the tag comes last. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Digest, sha256 } from "../../../src/oci/digest.ts";
import { parseReference, type Reference } from "../../../src/oci/reference.ts";
import {
  type Destination,
  type DestinationOptions,
  openDestination,
} from "../../../src/transport/destination.ts";
import { failureOf } from "../../support/failures.ts";
import { makeImage, type TestImage } from "../../support/images.ts";
import { makeBlob } from "../../support/one-client.ts";
import { CLEAN_ENVIRONMENT } from "../../support/one-image.ts";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";

let registry: TestRegistry;
let image: TestImage;
let root: string;

beforeEach(async () => {
  for (const [name, value] of Object.entries(CLEAN_ENVIRONMENT)) vi.stubEnv(name, value);
  registry = await startRegistry();
  image = await makeImage();
  root = await mkdtemp(join(tmpdir(), "berth-root-"));
  await mkdir(join(root, "etc/containers"), { recursive: true });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await registry.close();
  await rm(root, { recursive: true });
});

async function withDestination<T>(
  name: string,
  use: (destination: Destination) => Promise<T>,
  options: DestinationOptions = { tlsVerify: false },
): Promise<T> {
  const destination = await openDestination(parseReference(name), { root, retryMs: 2, ...options });
  try {
    return await use(destination);
  } finally {
    await destination.close();
  }
}

/** Sends the image as a copy does; the digests of the blobs that had to be sent. */
async function send(name: string, { from, tag }: { from?: Reference; tag?: string } = {}): Promise<Digest[]> {
  return await withDestination(name, async (destination) => {
    const sent: Digest[] = [];
    for (const [digest, bytes] of image.blobs) {
      const { descriptor, content } = makeBlob(bytes);
      if (await destination.hasBlob(descriptor, { from })) continue;
      sent.push(digest);
      await destination.putBlob(descriptor, content());
    }
    const { mediaType, digest } = image;
    await destination.putManifest(image.manifest, { mediaType, digest, tag });
    await destination.commit();
    return sent;
  });
}

test("an image is sent once; what is there already is not sent again", async () => {
  const name = `${registry.host}/team/app:1`;
  expect(await send(name, { tag: "1" })).toEqual([...image.blobs.keys()]);
  expect(await send(name, { tag: "2" })).toEqual([]);
  expect([...(registry.content.tags.get("team/app") ?? [])]).toEqual(["1", "2"]);
  expect(registry.requests.at(-1)).toMatchObject({ method: "PUT", kind: "manifest" });
});

test("blobs of another repository of the registry are mounted, those of another registry are not", async () => {
  registry.push("other/app", image);
  const from = parseReference(`${registry.host}/other/app`);
  expect(await send(`${registry.host}/team/app`, { from, tag: "1" })).toEqual([]);
  const elsewhere = parseReference("registry.example.com/other/app");
  expect(await send(`${registry.host}/team/new`, { from: elsewhere, tag: "1" })).toHaveLength(2);
});

test("without a tag the image is there by digest only", async () => {
  await send(`${registry.host}/team/app`);
  expect(registry.content.tags.size).toBe(0);
  expect(registry.content.manifests.has(`team/app@${sha256(image.manifest)}`)).toBe(true);
});

test("registries.conf: a location does not count for what is written, insecure and blocked do", async () => {
  const conf = join(root, "etc/containers/registries.conf");
  const blob = makeBlob(10).descriptor;
  const has = () => withDestination(`${registry.host}/a`, (destination) => destination.hasBlob(blob), {});
  const table = `[[registry]]\nprefix = "${registry.host}"\n`;
  await writeFile(conf, `${table}location = "registry.invalid"\ninsecure = true\n`);
  expect(await has()).toBe(false);
  expect(registry.requestsOf("blob")).toHaveLength(1);
  await writeFile(conf, `${table}location = "${registry.host}"\nblocked = true\n`);
  expect((await failureOf(has)).code).toBe("DENIED");
});
