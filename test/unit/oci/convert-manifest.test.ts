import { expect, test } from "vitest";
import { convertEntry, convertManifest, planLayers } from "../../../src/oci/convert-manifest.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { type Manifest, parseManifest } from "../../../src/oci/manifest.ts";
import { compressionOf, DOCKER_LAYER, layerType, OCI_LAYER } from "../../../src/oci/media-types.ts";
import { failureOf } from "../../support/failures.ts";
import { makeImage, type TestImage } from "../../support/images.ts";

const parsed = ({ manifest }: TestImage): Manifest => parseManifest(manifest) as Manifest;

test.each([
  [OCI_LAYER, "none"],
  [`${OCI_LAYER}+gzip`, "gzip"],
  [`${OCI_LAYER}+zstd`, "zstd"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip"],
  [DOCKER_LAYER, "gzip"],
  ["application/vnd.docker.image.rootfs.diff.tar", "none"],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip"],
  [`${OCI_LAYER}+xz`, undefined],
  ["text/plain", undefined],
])("compressionOf %s is %s", (mediaType, compression) => {
  expect(compressionOf(mediaType)).toBe(compression);
});

test("layerType: v2s2 has no zstd", () => {
  expect(layerType("zstd", { format: "v2s2" })).toBeUndefined();
  expect(layerType("zstd", { format: "oci" })).toBe(`${OCI_LAYER}+zstd`);
});

test("convertManifest gives the very same bytes when nothing changes", async () => {
  for (const format of ["oci", "docker"] as const) {
    const image = await makeImage({ format, annotations: { a: "b" } });
    const manifest = parsed(image);
    const same = format === "oci" ? "oci" : "v2s2";
    const layers = planLayers(manifest, { format: same }).map(({ from }) => from);
    expect(convertManifest(manifest, { bytes: image.manifest, format: same, layers }).bytes).toBe(
      image.manifest,
    );
  }
});

test.each([
  ["oci", "v2s2", DOCKER_LAYER, "application/vnd.docker.container.image.v1+json"],
  ["docker", "oci", `${OCI_LAYER}+gzip`, "application/vnd.oci.image.config.v1+json"],
] as const)(
  "convertManifest from %s to %s changes types and keeps digests",
  async (before, format, layer, config) => {
    const image = await makeImage({ format: before, annotations: { a: "b" } });
    const manifest = parsed(image);
    const plans = planLayers(manifest, { format });
    expect(plans.map(({ mediaType, recode }) => [mediaType, recode])).toEqual([[layer, undefined]]);
    const layers = plans.map(({ from, mediaType }) => ({ ...from, mediaType }));
    const { bytes, mediaType } = convertManifest(manifest, { bytes: image.manifest, format, layers });
    const converted = parseManifest(bytes, mediaType) as Manifest;
    expect(converted.config).toEqual({ ...manifest.config, mediaType: config });
    expect(converted.layers.map(({ digest }) => digest)).toEqual(manifest.layers.map(({ digest }) => digest));
    expect(converted.annotations).toEqual(format === "oci" ? { a: "b" } : {});
  },
);

test.each([
  ["gzip", { algorithm: "gzip" }, false],
  ["gzip", { algorithm: "gzip", level: 9 }, true],
  ["gzip", { algorithm: "zstd" }, true],
  ["zstd", { algorithm: "gzip" }, true],
  ["none", { algorithm: "gzip" }, true],
  ["zstd", undefined, false],
] as const)("planLayers of %s layers for %j: recoded %s", async (compression, compress, isRecoded) => {
  const manifest = parsed(await makeImage({ compression }));
  const [plan] = planLayers(manifest, { format: "oci", compress });
  expect(plan?.recode !== undefined).toBe(isRecoded);
});

test("planLayers refuses zstd in v2s2 and layers that it does not know", async () => {
  const zstd = parsed(await makeImage({ compression: "zstd" }));
  expect((await failureOf(() => planLayers(zstd, { format: "v2s2" }))).message).toContain("zstd");
  const [layer] = zstd.layers as [Descriptor];
  const strange = { ...zstd, layers: [{ ...layer, mediaType: "text/plain" }] };
  expect((await failureOf(() => planLayers(strange, { format: "v2s2" }))).code).toBe("UNSUPPORTED");
});

test("convertEntry marks the zstd images of an index, and unmarks others", () => {
  const key = "io.github.containers.compression.zstd";
  const digest = `sha256:${"a".repeat(64)}` as const;
  const manifest = { mediaType: "m", digest, size: 1 };
  const entry: Descriptor = { ...manifest, size: 2, platform: { os: "linux", architecture: "amd64" } };
  const zstd = convertEntry(entry, { manifest, compress: { algorithm: "zstd" } });
  expect(zstd).toEqual({ ...manifest, platform: entry.platform, annotations: { [key]: "true" } });
  expect(convertEntry(zstd, { manifest, compress: { algorithm: "gzip" } })).toEqual({
    ...manifest,
    platform: entry.platform,
  });
});
