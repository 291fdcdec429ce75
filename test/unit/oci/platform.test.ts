import { expect, test } from "vitest";
import { sha256 } from "../../../src/oci/digest.ts";
import type { Index } from "../../../src/oci/manifest.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../../src/oci/manifest.ts";
import { hostPlatform, parsePlatform, selectPlatform } from "../../../src/oci/platform.ts";
import { failureOf } from "../../support/failures.ts";

/** Entries are `PLATFORM[ zstd]`; `-` has no platform. The size of an entry is its place. */
function indexOf(entries: string[]): Index {
  const manifests = entries.map((entry, size) => {
    const [platform = "", zstd] = entry.split(" ");
    return {
      mediaType: OCI_MANIFEST,
      digest: sha256(Buffer.from(String(size))),
      size,
      ...(platform === "-" ? {} : { platform: parsePlatform(platform) }),
      ...(zstd === undefined ? {} : { annotations: { "io.github.containers.compression.zstd": "true" } }),
    };
  });
  return { kind: "index", mediaType: OCI_INDEX, manifests, annotations: {} };
}

test.each([
  ["linux/amd64", ["linux/arm64", "linux/amd64"], 1],
  ["linux/amd64", ["linux/amd64", "linux/amd64"], 0],
  ["linux/amd64", ["windows/amd64", "linux/amd64"], 1],
  ["linux/amd64", ["linux/amd64", "linux/amd64 zstd"], 1],
  ["linux/amd64", ["linux/arm64 zstd", "linux/amd64"], 1],
  ["linux/amd64", ["-", "linux/amd64"], 1],
  ["linux/amd64", ["-", "linux/arm64"], 0],
  ["linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8", "linux/arm"], 1],
  ["linux/arm/v7", ["linux/arm", "linux/arm/v7"], 1],
  ["linux/arm/v6", ["linux/arm/v7", "linux/arm"], 1],
  ["linux/arm", ["linux/arm/v5", "linux/arm/v7"], 1],
  ["linux/arm", ["linux/arm/v7", "linux/arm"], 1],
  ["linux/arm64/v8", ["linux/arm64", "linux/arm64/v8"], 1],
  ["linux/arm64/v8", ["linux/arm64"], 0],
  ["linux/arm64", ["linux/arm64/v8"], 0],
  ["linux/arm64/v9", ["linux/arm64/v8", "linux/arm64"], 1],
])("selectPlatform for %s in %j takes entry %i", (want, entries, at) => {
  expect(selectPlatform(indexOf(entries), parsePlatform(want)).size).toBe(at);
});

test("selectPlatform lists what there is when nothing fits", async () => {
  const index = indexOf(["linux/arm64", "linux/arm/v7", "linux/arm64"]);
  const failure = await failureOf(() => selectPlatform(index, parsePlatform("linux/s390x")));
  expect(failure.code).toBe("IMAGE_UNKNOWN");
  expect(failure.message).toBe(
    "no image found in image index for linux/s390x; it has linux/arm64, linux/arm/v7",
  );
});

test.each(["", "linux", "linux/", "linux/amd64/v1/x", "Linux/amd64", "linux amd64"])(
  "parsePlatform refuses %j",
  async (text) => {
    expect((await failureOf(() => parsePlatform(text))).code).toBe("REFERENCE_INVALID");
  },
);

test("hostPlatform is written in OCI names", () => {
  expect(hostPlatform()).toMatchObject({
    os: "linux",
    architecture: expect.stringMatching(/^(amd64|arm64|arm|386|s390x|ppc64le|riscv64|loong64)$/),
  });
});
