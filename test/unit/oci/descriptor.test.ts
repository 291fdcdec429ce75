import { expect, test } from "vitest";
import { descriptorData, parseDescriptor } from "../../../src/oci/descriptor.ts";
import { sha256 } from "../../../src/oci/digest.ts";
import { failureOf } from "../../support/failures.ts";

const DIGEST = sha256(Buffer.from("hello"));
const VALID = { mediaType: "application/x", digest: DIGEST, size: 5 };

test("parseDescriptor reads every field, and null as absence", () => {
  const platform = { os: "linux", architecture: "arm", variant: "v7", "os.version": "1" };
  const data = Buffer.from("hello").toString("base64");
  const parsed = parseDescriptor(
    { ...VALID, platform, urls: ["https://a/b"], annotations: { a: "b" }, data, artifactType: "t", extra: 1 },
    "x",
  );
  expect(parsed).toEqual({
    ...VALID,
    platform: { os: "linux", architecture: "arm", variant: "v7" },
    urls: ["https://a/b"],
    annotations: { a: "b" },
    data,
    artifactType: "t",
  });
  expect(descriptorData(parsed)?.toString()).toBe("hello");
  expect(parseDescriptor({ ...VALID, platform: null, urls: null, annotations: null }, "x")).toEqual(VALID);
});

test.each([-1, 1.5, 2 ** 53, 1e300, "5", null, undefined])(
  "statement 4: parseDescriptor refuses the size %s",
  async (size) => {
    const failure = await failureOf(() => parseDescriptor({ ...VALID, size }, "layers[0]"));
    expect(failure.code).toBe("MANIFEST_INVALID");
    expect(failure.message).toContain("layers[0]: invalid size");
  },
);

test.each([
  ["other content", Buffer.from("HELLO").toString("base64"), "embedded data is sha256:"],
  ["other length", Buffer.from("hello!").toString("base64"), "embedded data has 6 bytes, expected 5"],
  ["no base64", "!!!!", "not base64"],
])("statement 9: parseDescriptor refuses data of %s", async (_, data, message) => {
  const failure = await failureOf(() => parseDescriptor({ ...VALID, data }, "config"));
  expect(failure.code).toBe("MANIFEST_INVALID");
  expect(failure.message).toContain(message);
});

test.each([
  ["an array", []],
  ["nothing", undefined],
  ["no media type", { ...VALID, mediaType: undefined }],
  ["a digest that is a path", { ...VALID, digest: "sha256:../../x" }],
  ["annotations that are no strings", { ...VALID, annotations: { a: 1 } }],
  ["a platform that is text", { ...VALID, platform: "linux/amd64" }],
])("parseDescriptor refuses %s", async (_, value) => {
  expect((await failureOf(() => parseDescriptor(value, "x"))).code).toBe("MANIFEST_INVALID");
});
