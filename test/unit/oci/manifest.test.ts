import { expect, test } from "vitest";
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_INDEX,
  OCI_MANIFEST,
  parseManifest,
} from "../../../src/oci/manifest.ts";
import { failureOf } from "../../support/failures.ts";
import { makeImage, makeIndex } from "../../support/images.ts";

const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

test.each([
  ["oci", OCI_MANIFEST, OCI_INDEX],
  ["docker", DOCKER_MANIFEST, DOCKER_LIST],
] as const)("parseManifest reads %s images and indexes", async (format, manifestType, indexType) => {
  const image = await makeImage({ format, layers: [{ a: "1" }, { b: "2" }] });
  const manifest = parseManifest(image.manifest, `${manifestType}; charset=utf-8`);
  expect(manifest).toMatchObject({ kind: "manifest", mediaType: manifestType });
  expect(manifest.kind === "manifest" && manifest.layers).toHaveLength(2);
  const index = parseManifest(makeIndex([image], { format }).manifest, indexType);
  expect(index).toMatchObject({ kind: "index", mediaType: indexType });
  expect(index.kind === "index" && index.manifests[0]?.platform).toEqual(image.platform);
});

test.each([undefined, "application/json", "text/plain; charset=utf-8", OCI_MANIFEST])(
  "parseManifest goes by the content when served as %s without a mediaType",
  async (served) => {
    const { manifest } = await makeImage({ manifestOverrides: { mediaType: undefined } });
    expect(parseManifest(manifest, served)).toMatchObject({ kind: "manifest", mediaType: OCI_MANIFEST });
  },
);

test("statement 1: parseManifest refuses ambiguous manifests", async () => {
  const image = await makeImage();
  const body = JSON.parse(image.manifest.toString()) as Record<string, unknown>;
  const cases: [unknown, string | undefined][] = [
    [{ ...body, manifests: [] }, undefined],
    [{ ...body, manifests: [] }, OCI_MANIFEST],
    [{ ...body, mediaType: OCI_INDEX }, OCI_INDEX],
    [{ ...body, mediaType: undefined }, OCI_INDEX],
    [body, DOCKER_MANIFEST],
    [{ ...body, fsLayers: [] }, OCI_MANIFEST],
    [{ schemaVersion: 2, manifests: [] }, OCI_MANIFEST],
  ];
  for (const [value, served] of cases) {
    const failure = await failureOf(() => parseManifest(encode(value), served));
    expect(failure.code).toBe("MANIFEST_INVALID");
    expect(failure.message).toContain("ambiguous manifest");
    const both = typeof value === "object" && value !== null && "manifests" in value && "layers" in value;
    if (both) expect(failure.message).toContain("both an image and an index");
  }
});

test.each([
  ["Docker schema 1", { schemaVersion: 1, fsLayers: [] }, "schemaVersion is 1"],
  ["no schemaVersion", { config: {} }, "schemaVersion is missing"],
  ["another type", { schemaVersion: 2, mediaType: "text/x" }, '"text/x" is not an image manifest'],
  ["an array", [], "expected an object"],
  ["no config", { schemaVersion: 2, layers: [] }, "config: expected an object"],
  ["layers of text", { schemaVersion: 2, config: {}, layers: "x" }, ""],
])("parseManifest refuses %s", async (_, value, message) => {
  const failure = await failureOf(() => parseManifest(encode(value)));
  expect(failure.code).toBe("MANIFEST_INVALID");
  expect(failure.message).toContain(message);
});
