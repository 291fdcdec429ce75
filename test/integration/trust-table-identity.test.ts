/** The name that a signature is for, and the name that an image is asked for by. */
import { identity, NAME } from "../support/trust-bench.ts";
import { testTrustTable } from "../support/trust-table.ts";

testTrustTable("identity", [
  {
    name: "other tag",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => [await bench.sign(bench.payload({ identity: `${bench.host}/${NAME}:2` }))],
    accepts: false,
    says: /Signature for identity ".*:2" is not accepted/,
  },
  {
    name: "other tag, by digest",
    byDigest: true,
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => [await bench.sign(bench.payload({ identity: `${bench.host}/${NAME}:2` }))],
    accepts: true,
  },
  {
    name: "name alone",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => [await bench.sign(bench.payload({ identity: `${bench.host}/${NAME}` }))],
    accepts: false,
    says: /Signature for identity/,
  },
  {
    name: "name alone, by digest",
    byDigest: true,
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed({ identity: `${bench.host}/${NAME}` }),
    accepts: false,
    says: /Signature for identity/,
  },
  {
    name: "other tag, matchRepository",
    requirements: (bench) => [bench.signedBy("alice", identity("matchRepository"))],
    signatures: async (bench) => [await bench.sign(bench.payload({ identity: `${bench.host}/${NAME}:2` }))],
    accepts: true,
  },
  {
    name: "other repository, matchRepository",
    requirements: (bench) => [bench.signedBy("alice", identity("matchRepository"))],
    signatures: (bench) => bench.signed({ identity: "example.com/team/app:1" }),
    accepts: false,
  },
  {
    name: "matchExact",
    requirements: (bench) => [bench.signedBy("alice", identity("matchExact"))],
    signatures: (bench) => bench.signed(),
    accepts: true,
  },
  {
    name: "matchExact, by digest",
    byDigest: true,
    requirements: (bench) => [bench.signedBy("alice", identity("matchExact"))],
    signatures: (bench) => bench.signed(),
    accepts: false,
  },
  {
    name: "exactReference",
    requirements: (bench) => [
      bench.signedBy("alice", identity("exactReference", { dockerReference: "example.com/a/b:3" })),
    ],
    signatures: (bench) => bench.signed({ identity: "example.com/a/b:3" }),
    accepts: true,
  },
  {
    name: "exactReference of another",
    requirements: (bench) => [
      bench.signedBy("alice", identity("exactReference", { dockerReference: "example.com/a/b:3" })),
    ],
    signatures: (bench) => bench.signed(),
    accepts: false,
  },
  {
    name: "exactReference without a tag",
    requirements: (bench) => [
      bench.signedBy("alice", identity("exactReference", { dockerReference: "example.com/a/b" })),
    ],
    signatures: (bench) => bench.signed(),
    accepts: false,
    says: /cannot be "example.com\/a\/b"/,
  },
  {
    name: "exactRepository",
    requirements: (bench) => [
      bench.signedBy("alice", identity("exactRepository", { dockerRepository: "example.com/a/b" })),
    ],
    signatures: (bench) => bench.signed({ identity: "example.com/a/b:9" }),
    accepts: true,
  },
  {
    name: "remapIdentity",
    requirements: (bench) => [
      bench.signedBy(
        "alice",
        identity("remapIdentity", { prefix: bench.host, signedPrefix: "example.com/original" }),
      ),
    ],
    signatures: (bench) => bench.signed({ identity: "example.com/original/team/app:1" }),
    accepts: true,
  },
  {
    name: "remapIdentity of another prefix",
    requirements: (bench) => [
      bench.signedBy(
        "alice",
        identity("remapIdentity", { prefix: "example.com", signedPrefix: "example.org" }),
      ),
    ],
    signatures: (bench) => bench.signed({ identity: "example.org/team/app:1" }),
    accepts: false,
  },
  {
    name: "unknown identity",
    requirements: (bench) => [bench.signedBy("alice", identity("any"))],
    accepts: false,
    says: /match type/,
  },
]);
