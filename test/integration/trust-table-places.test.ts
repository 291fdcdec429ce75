/** Where signatures are looked for, and how many and how large ones are read. */

import { testTrustTable } from "../support/trust-table.ts";

testTrustTable("places", [
  {
    name: "129 signatures",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async (bench) => {
      const bad = await bench.sign(bench.payload(), "bob");
      return [...Array.from({ length: 128 }, () => bad), await bench.sign(bench.payload())];
    },
    accepts: false,
    says: /more than 128 signatures/,
    but: [{ judge: "skopeo 1.9", accepts: true, because: "it has no limit" }],
  },
  {
    name: "signature of 5 MiB",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: async () => [Buffer.alloc(5 * 1024 * 1024, "<")],
    accepts: false,
    says: /larger than/,
  },
  {
    name: "web server",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed(),
    registriesD: (bench) => ({ docker: { [bench.host]: { lookaside: bench.web } } }),
    accepts: true,
  },
  {
    name: "web server, old key",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed(),
    registriesD: (bench) => ({ docker: { [`${bench.host}/team`]: { sigstore: bench.web } } }),
    accepts: true,
  },
  {
    name: "web server, default",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed(),
    registriesD: (bench) => ({ "default-docker": { lookaside: bench.web } }),
    accepts: true,
  },
  {
    name: "web server fails",
    requirements: (bench) => [bench.signedBy("alice")],
    registriesD: (bench) => ({ docker: { [bench.host]: { lookaside: `${bench.web}/forbidden` } } }),
    accepts: false,
    says: /answers 403/,
  },
  {
    name: "other scope's server",
    requirements: (bench) => [bench.signedBy("alice")],
    signatures: (bench) => bench.signed(),
    registriesD: (bench) => ({
      docker: {
        "example.com": { lookaside: bench.web },
        [bench.host]: { lookaside: `file://${bench.dir}/none` },
      },
    }),
    accepts: false,
    says: /no signature exists/,
  },
]);
