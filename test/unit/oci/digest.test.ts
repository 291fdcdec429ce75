import { expect, test } from "vitest";
import { digestHex, digestLike, isDigest, parseDigest, sha256 } from "../../../src/oci/digest.ts";
import { failureOf } from "../../support/failures.ts";

const HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

test("sha256 is the digest of the bytes", () => {
  expect(sha256(Buffer.alloc(0))).toBe(`sha256:${HEX}`);
});

test.each([`sha256:${HEX}`, `sha512:${HEX}${HEX}`])("parseDigest accepts %s", (text) => {
  expect(parseDigest(text, "config")).toBe(text);
  expect(digestHex(parseDigest(text, "config"))).toBe(text.slice(7));
});

test.each([
  "sha256:../../x",
  `sha256:${HEX.toUpperCase()}`,
  `sha256:${HEX.slice(1)}`,
  `sha256:${HEX}0`,
  `sha256:${HEX}\n`,
  `sha512:${HEX}`,
  `md5:${HEX.slice(32)}`,
  HEX,
  "",
])("statement 2: parseDigest refuses %j and names the place", async (text) => {
  expect(isDigest(text)).toBe(false);
  const failure = await failureOf(() => parseDigest(text, "layers[3]"));
  expect(failure).toMatchObject({ code: "MANIFEST_INVALID" });
  expect(failure.message).toContain("layers[3]: invalid digest");
});

test("digestLike uses the algorithm of its model", () => {
  expect(digestLike(`sha512:${HEX}${HEX}`, Buffer.from("a"))).toMatch(/^sha512:1f40fc92da24/);
  expect(digestLike(`sha256:${HEX}`, Buffer.from("a"))).toBe(sha256(Buffer.from("a")));
});
