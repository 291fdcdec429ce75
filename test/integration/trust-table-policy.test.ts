/** Policies: how they are read, which scope of them counts, which keys they name. */
import { join } from "node:path";
import type { TestImage } from "../support/images.ts";
import { ACCEPT, NAME, REJECT, type TrustBench } from "../support/trust-bench.ts";
import { testTrustTable } from "../support/trust-table.ts";

/** A policy that accepts what one scope names. */
function docker(scope: (host: string, image: TestImage) => string): (bench: TrustBench) => object {
  return ({ host, image }) => ({
    default: [REJECT],
    transports: { docker: { [scope(host, image)]: [ACCEPT] } },
  });
}

testTrustTable("policy", [
  { name: "default accepts", policy: { default: [ACCEPT] }, accepts: true },
  { name: "default rejects", policy: { default: [REJECT] }, accepts: false, says: /is rejected by policy/ },
  { name: "scope of the transport", policy: docker(() => ""), accepts: true },
  { name: "scope host", policy: docker((h) => h), accepts: true },
  { name: "scope namespace", policy: docker((h) => `${h}/team`), accepts: true },
  { name: "scope repository", policy: docker((h) => `${h}/${NAME}`), accepts: true },
  { name: "scope tag", policy: docker((h) => `${h}/${NAME}:1`), accepts: true },
  { name: "scope of another tag", policy: docker((h) => `${h}/${NAME}:2`), accepts: false },
  { name: "scope of half a name", policy: docker((h) => `${h}/te`), accepts: false },
  { name: "scope wildcard", policy: docker(() => "*.0.0.1"), accepts: true },
  {
    name: "scope digest",
    byDigest: true,
    policy: docker((h, { digest }) => `${h}/${NAME}@${digest}`),
    accepts: true,
  },
  {
    name: "narrow reject over wide accept",
    policy: (bench) => ({
      default: [ACCEPT],
      transports: { docker: { [bench.host]: [ACCEPT], [`${bench.host}/team`]: [REJECT] } },
    }),
    accepts: false,
  },
  { name: "accept and reject together", policy: { default: [ACCEPT, REJECT] }, accepts: false },
  {
    name: "unknown field",
    policy: { default: [ACCEPT], more: 1 },
    accepts: false,
    says: /unknown field "more"/,
  },
  {
    name: "duplicate field",
    policy: '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}',
    accepts: false,
    says: /duplicate key/,
  },
  { name: "empty list", policy: { default: [] }, accepts: false, says: /must not be empty/ },
  { name: "no default", policy: { transports: {} }, accepts: false, says: /"default" is missing/ },
  {
    name: "unknown requirement",
    policy: { default: [{ type: "maybe" }] },
    accepts: false,
    says: /unknown policy requirement/,
  },
  { name: "not JSON", policy: "{", accepts: false, says: /not a valid policy/ },
  {
    name: "signedBaseLayer",
    requirements: () => [{ type: "signedBaseLayer", baseLayerIdentity: { type: "matchExact" } }],
    accepts: false,
    says: /signedBaseLayer/,
  },
  {
    name: "key twice",
    requirements: (bench) => [bench.signedBy("alice", { keyPath: "/k" })],
    accepts: false,
    says: /exactly one of/,
  },
  {
    name: "unknown keyType",
    requirements: (bench) => [bench.signedBy("alice", { keyType: "PGP" })],
    accepts: false,
    says: /keyType/,
  },
  {
    name: "keyType of the future",
    requirements: (bench) => [bench.signedBy("alice", { keyType: "X509Certificates" })],
    signatures: (bench) => bench.signed(),
    accepts: false,
    says: /Unimplemented "keyType"/,
  },
  {
    name: "key not base64",
    requirements: (bench) => [bench.signedBy("alice", { keyData: "!" })],
    accepts: false,
    says: /base64/,
  },
  {
    name: "key no key",
    requirements: (bench) => [bench.signedBy("alice", { keyData: "AAAA" })],
    signatures: (bench) => bench.signed(),
    accepts: false,
  },
  {
    name: "key file missing",
    requirements: (bench) => [{ type: "signedBy", keyType: "GPGKeys", keyPath: join(bench.dir, "nothing") }],
    signatures: (bench) => bench.signed(),
    accepts: false,
    says: /cannot be read/,
  },
  {
    name: "key file",
    requirements: (bench) => [
      { type: "signedBy", keyType: "GPGKeys", keyPath: join(bench.dir, "alice.gpg") },
    ],
    signatures: (bench) => bench.signed(),
    accepts: true,
  },
]);
