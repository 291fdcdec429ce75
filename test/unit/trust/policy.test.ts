import { expect, test } from "vitest";
import { parsePolicy } from "../../../src/trust/policy.ts";
import { failureOf } from "../../support/failures.ts";

const ACCEPT = { type: "insecureAcceptAnything" };
const withDefault = (...requirements: unknown[]): string => JSON.stringify({ default: requirements });
const signedBy = { type: "signedBy", keyType: "GPGKeys", keyPath: "/k" };
const sigstore = { type: "sigstoreSigned", keyPath: "/k" };
const fulcio = { caPath: "/ca", oidcIssuer: "https://i", subjectEmail: "a@b" };

test.each([
  ["accept", ACCEPT],
  ["reject", { type: "reject" }],
  ["signedBy with a file", signedBy],
  ["signedBy with files", { type: "signedBy", keyType: "GPGKeys", keyPaths: ["/a", "/b"] }],
  ["signedBy with data", { type: "signedBy", keyType: "GPGKeys", keyData: "AA==" }],
  ["an identity", { ...signedBy, signedIdentity: { type: "matchExact" } }],
  [
    "a remapped identity",
    { ...signedBy, signedIdentity: { type: "remapIdentity", prefix: "a.io", signedPrefix: "b.io" } },
  ],
  ["signedBaseLayer", { type: "signedBaseLayer", baseLayerIdentity: { type: "matchRepository" } }],
  ["sigstoreSigned", sigstore],
  ["sigstoreSigned with rekor", { ...sigstore, rekorPublicKeyPath: "/r" }],
  ["fulcio", { type: "sigstoreSigned", fulcio, rekorPublicKeyPath: "/r" }],
  ["pki", { type: "sigstoreSigned", pki: { caRootsPath: "/ca", subjectEmail: "a@b" } }],
])("parsePolicy reads %s", (_, requirement) => {
  const { type, ...fields } = requirement;
  expect(parsePolicy(withDefault(requirement)).default).toEqual([{ type, fields }]);
});

test("parsePolicy reads scopes", () => {
  const policy = parsePolicy(
    JSON.stringify({
      default: [{ type: "reject" }],
      transports: {
        docker: { "": [ACCEPT], "a.io/x": [ACCEPT, signedBy] },
        oci: { "/srv/images": [ACCEPT], "": [ACCEPT] },
        future: {},
      },
    }),
  );
  expect(
    policy.transports
      .get("docker")
      ?.get("a.io/x")
      ?.map(({ type }) => type),
  ).toEqual(["insecureAcceptAnything", "signedBy"]);
  expect([...policy.transports.keys()]).toEqual(["docker", "oci", "future"]);
});

test.each([
  ["no JSON", "{"],
  ["an array", "[]"],
  ["no default", "{}"],
  ["an empty default", '{"default":[]}'],
  ["a default that is no list", '{"default":{"type":"reject"}}'],
  ["an unknown field", '{"default":[{"type":"insecureAcceptAnything"}],"defualt":[]}'],
  ["another spelling", '{"Default":[{"type":"insecureAcceptAnything"}]}'],
  ["a duplicate field", '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}'],
  [
    "a duplicate scope",
    '{"default":[{"type":"reject"}],"transports":{"docker":{"a":[{"type":"reject"}],"a":[{"type":"insecureAcceptAnything"}]}}}',
  ],
  ["a duplicate type", '{"default":[{"type":"reject","type":"insecureAcceptAnything"}]}'],
  ["an unknown requirement", withDefault({ type: "acceptAnything" })],
  ["a requirement of the prototype", withDefault({ type: "constructor" })],
  ["a requirement without type", withDefault({})],
  ["a field too many", withDefault({ ...ACCEPT, keyPath: "/k" })],
  ["an empty scope list", '{"default":[{"type":"reject"}],"transports":{"docker":{"a.io":[]}}}'],
  ["scopes that are a list", '{"default":[{"type":"reject"}],"transports":{"docker":[]}}'],
  [
    "a relative oci scope",
    '{"default":[{"type":"reject"}],"transports":{"oci":{"images":[{"type":"reject"}]}}}',
  ],
  [
    "an oci scope of everything",
    '{"default":[{"type":"reject"}],"transports":{"oci":{"/":[{"type":"reject"}]}}}',
  ],
  [
    "an oci scope that climbs",
    '{"default":[{"type":"reject"}],"transports":{"oci":{"/a/../b":[{"type":"reject"}]}}}',
  ],
  ["another keyType", withDefault({ ...signedBy, keyType: "X509" })],
  ["no key", withDefault({ type: "signedBy", keyType: "GPGKeys" })],
  ["two keys", withDefault({ ...signedBy, keyData: "AA==" })],
  ["a key path that is no text", withDefault({ ...signedBy, keyPath: 1 })],
  ["no key paths", withDefault({ type: "signedBy", keyType: "GPGKeys", keyPaths: [] })],
  ["an unknown identity", withDefault({ ...signedBy, signedIdentity: { type: "matchAll" } })],
  ["an identity without its field", withDefault({ ...signedBy, signedIdentity: { type: "exactReference" } })],
  [
    "an identity with a field too many",
    withDefault({ ...signedBy, signedIdentity: { type: "matchExact", prefix: "a" } }),
  ],
  ["no baseLayerIdentity", withDefault({ type: "signedBaseLayer" })],
  ["fulcio without rekor", withDefault({ type: "sigstoreSigned", fulcio })],
  [
    "fulcio with an unknown field",
    withDefault({ type: "sigstoreSigned", fulcio: { ...fulcio, x: "y" }, rekorPublicKeyPath: "/r" }),
  ],
  [
    "pki with rekor",
    withDefault({ type: "sigstoreSigned", pki: { caRootsPath: "/ca" }, rekorPublicKeyPath: "/r" }),
  ],
  ["two rekor keys", withDefault({ ...sigstore, rekorPublicKeyPath: "/r", rekorPublicKeyData: "AA==" })],
])("parsePolicy refuses %s", async (_, text) => {
  const failure = await failureOf(() => parsePolicy(text));
  expect(failure.code).toBe("POLICY_REJECTED");
});
