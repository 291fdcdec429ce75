/** cosign's signatures as a registry lists them: under the image's tag, among its referrers, and in the format that does not count. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { Event } from "../../../src/events.ts";
import type { Signature } from "../../../src/oci/signature.ts";
import { failureOf } from "../../support/failures.ts";
import { makeContent, type TestContent } from "../../support/images.ts";
import { OneImage } from "../../support/one-image.ts";
import type { RegistryOptions } from "../../support/registry.ts";
import { cosignManifest, cosignPayload } from "../../support/signed.ts";
import { withSource } from "../../support/sources.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const ARTIFACT = "application/vnd.dev.cosign.artifact.sig.v1+json";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PREDICATE = "dev.sigstore.bundle.predicateType";

let at: OneImage;

afterEach(async () => await at.registry.close());

async function start(options: RegistryOptions = { referrers: true }): Promise<void> {
  at = await OneImage.start(options);
}

async function read(): Promise<{ signatures: readonly Signature[]; warnings: string[] }> {
  const root = await temporaryDirectory("root");
  await mkdir(join(root, "etc/containers/registries.d"), { recursive: true });
  const places = { "default-docker": { "use-sigstore-attachments": true } };
  await writeFile(join(root, "etc/containers/registries.d/default.yaml"), JSON.stringify(places));
  const warnings: string[] = [];
  const report = (event: Event): void => {
    if (event.type === "warning") warnings.push(event.message);
  };
  const options = { tlsVerify: false, root, report };
  const signatures = await withSource(
    at.name,
    async (source) => (await source.signatures?.(at.image.digest)) ?? [],
    options,
  );
  return { signatures, warnings };
}

const payloads = (signatures: readonly Signature[]): string[] =>
  signatures.map((each) => (each.kind === "sigstore" ? each.payload.toString() : each.kind));

/** A manifest with signatures of this many payloads. */
function content(name: string, more: object = {}, count = 1): TestContent {
  const layers = Array.from({ length: count }, (_, index) => ({
    payload: cosignPayload({ identity: `${name}/${index}`, digest: at.image.digest }),
    annotations: { "dev.cosignproject.cosign/signature": "AAAA" },
  }));
  return cosignManifest(layers, more);
}

function refer(name: string, more: object, count = 1): void {
  at.registry.push("team/app", content(name, { subject: at.image.descriptor, ...more }, count), null);
}

const tag = (): string => `${at.image.digest.replace(":", "-")}.sig`;

test("readSignatures finds those under cosign's tag, then those among the referrers", async () => {
  await start();
  at.registry.push("team/app", content("tag"), tag());
  refer("one", { artifactType: ARTIFACT });
  refer("other", { artifactType: "application/vnd.example.sbom" });
  const { signatures, warnings } = await read();
  expect(payloads(signatures)).toEqual([expect.stringContaining("tag/0"), expect.stringContaining("one/0")]);
  expect(warnings).toEqual([]);
});

test("readSignatures takes the type of a referrer from its config, as cosign writes it", async () => {
  await start();
  const config = content("x").descriptor;
  refer("one", { config: { ...config, mediaType: ARTIFACT } });
  expect(payloads((await read()).signatures)).toEqual([expect.stringContaining("one/0")]);
});

test("readSignatures finds them by the fallback tag, where a registry has no referrers API", async () => {
  await start({});
  const one = content("one", { artifactType: ARTIFACT, subject: at.image.descriptor });
  at.registry.push("team/app", one, null);
  const entry = { ...one.descriptor, artifactType: ARTIFACT };
  const type = "application/vnd.oci.image.index.v1+json";
  const index = makeContent({ schemaVersion: 2, mediaType: type, manifests: [entry] }, type);
  at.registry.push("team/app", index, at.image.digest.replace(":", "-"));
  expect(payloads((await read()).signatures)).toEqual([expect.stringContaining("one/0")]);
});

test.each([
  [
    "a signature",
    { [PREDICATE]: "https://sigstore.dev/cosign/sign/v1" },
    [/a signature in sigstore's bundle/],
  ],
  ["one of which the registry forgot what it is", undefined, [/--new-bundle-format=false/]],
  ["an attestation", { [PREDICATE]: "https://slsa.dev/provenance/v1" }, []],
] as const)("readSignatures leaves out bundles, and says so of %s", async (_, annotations, says) => {
  await start();
  refer("bundle", { artifactType: BUNDLE, annotations });
  at.registry.heal();
  const { signatures, warnings } = await read();
  expect(signatures).toEqual([]);
  expect(warnings).toEqual(says.map((text) => expect.stringMatching(text)));
  expect(at.registry.requestsOf("blob")).toEqual([]);
});

test("readSignatures says nothing of bundles beside signatures that count", async () => {
  await start();
  refer("bundle", { artifactType: BUNDLE });
  refer("one", { artifactType: ARTIFACT });
  expect(await read()).toMatchObject({ signatures: [{ kind: "sigstore" }], warnings: [] });
});

test("readSignatures refuses more than 128, before it fetches them", async () => {
  await start();
  at.registry.push("team/app", content("tag", {}, 129), tag());
  expect(await failureOf(read)).toMatchObject({
    code: "SIGNATURE_INVALID",
    message: expect.stringContaining("has 129 signatures, more than 128"),
  });
  at.registry.content.manifests.delete(`team/app:${tag()}`);
  for (let each = 0; each < 129; each++) refer(`r${each}`, { artifactType: ARTIFACT });
  at.registry.heal();
  expect(await failureOf(read)).toMatchObject({ message: expect.stringContaining("more than 128") });
  expect(at.registry.requestsOf("blob")).toEqual([]);
});

test("readSignatures refuses a payload of more than 4 MiB, and one that is not its digest's", async () => {
  await start();
  const large = content("tag");
  const manifest = JSON.parse(large.manifest.toString()) as { layers: { size: number; digest: string }[] };
  const [layer] = manifest.layers;
  const altered = { ...manifest, layers: [{ ...layer, size: 5_000_000 }] };
  at.registry.push("team/app", makeContent(altered, large.mediaType), tag());
  expect(await failureOf(read)).toMatchObject({ message: expect.stringContaining("more than 4194304") });
  at.registry.push("team/app", large, tag());
  at.registry.replaceBlob("team/app", layer?.digest ?? "", Buffer.alloc(layer?.size ?? 0, "x"));
  expect((await failureOf(read)).code).toBe("DIGEST_MISMATCH");
});
