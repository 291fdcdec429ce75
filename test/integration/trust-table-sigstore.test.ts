/** cosign's signatures by keys, under its tag and among the referrers. */
import type { TestContent } from "../support/images.ts";
import { cosignManifest } from "../support/signed.ts";
import { identity, NAME, OTHER, type TrustBench, type TrustCase } from "../support/trust-bench.ts";
import { testTrustTable } from "../support/trust-table.ts";

const SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature";
const ARTIFACT = "application/vnd.dev.cosign.artifact.sig.v1+json";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

const CASES: TrustCase[] = [
  {
    name: "not signed",
    requirements: (bench) => [bench.sigstoreSigned()],
    accepts: false,
    says: /no signature exists/,
  },
  {
    name: "signed",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => bench.attach(),
    accepts: true,
  },
  {
    name: "other key",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => bench.attach({}, bench.otherCosign),
    accepts: false,
    says: /verification failed/,
  },
  {
    name: "several, one counts",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => [...bench.attach({}, bench.otherCosign), ...bench.attach({ optional: { n: 1 } })],
    accepts: true,
  },
  {
    name: "other digest",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => bench.attach({ digest: OTHER }),
    accepts: false,
  },
  {
    name: "altered",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) =>
      bench
        .attach()
        .map(({ payload, annotations }) => ({ payload: Buffer.from(`${payload} `), annotations })),
    accepts: false,
  },
  {
    name: "repository alone",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => bench.attach({ identity: `${bench.host}/${NAME}` }),
    accepts: false,
  },
  {
    name: "repository alone, matchRepository",
    requirements: (bench) => [bench.sigstoreSigned(identity("matchRepository"))],
    attached: (bench) => bench.attach({ identity: `${bench.host}/${NAME}` }),
    accepts: true,
  },
  {
    name: "attachments off",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => bench.attach(),
    registriesD: () => ({}),
    accepts: false,
    says: /no signature exists/,
  },
  {
    name: "for signedBy",
    requirements: (bench) => [bench.signedBy("alice")],
    attached: (bench) => bench.attach(),
    accepts: false,
  },
  {
    name: "key no key",
    requirements: (bench) => [bench.sigstoreSigned({ keyData: "AAAA" })],
    attached: (bench) => bench.attach(),
    accepts: false,
  },
  {
    name: "one of several keys",
    requirements: (bench) => [
      { type: "sigstoreSigned", keyDatas: [bench.otherCosign, bench.cosign].map(({ pem }) => base64(pem)) },
    ],
    attached: (bench) => bench.attach(),
    accepts: true,
  },
  {
    name: "two requirements, one met",
    requirements: (bench) => [
      bench.sigstoreSigned(),
      bench.sigstoreSigned({ keyData: base64(bench.otherCosign.pem) }),
    ],
    attached: (bench) => bench.attach(),
    accepts: false,
    says: /verification failed/,
  },
  {
    name: "signature no base64",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) =>
      bench.attach().map(({ payload }) => ({ payload, annotations: { [SIGNATURE_ANNOTATION]: "!" } })),
    accepts: false,
  },
  {
    name: "no signature beside the payload",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => bench.attach().map(({ payload }) => ({ payload, annotations: {} })),
    accepts: false,
    says: /missing dev.cosignproject.cosign\/signature annotation/,
  },
  {
    name: "payload of simple signing",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => bench.attach({ type: "atomic container signature" }),
    accepts: false,
  },
  {
    name: "unknown member",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => bench.attach({ critical: { more: 1 } }),
    accepts: false,
  },
  {
    name: "optional members",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => bench.attach({ optional: { creator: "x", timestamp: 1, more: {} } }),
    accepts: true,
  },
  {
    name: "remapIdentity",
    requirements: (bench) => [
      bench.sigstoreSigned(
        identity("remapIdentity", { prefix: bench.host, signedPrefix: "example.com/original" }),
      ),
    ],
    attached: (bench) => bench.attach({ identity: "example.com/original/team/app:1" }),
    accepts: true,
  },
  {
    name: "among the referrers",
    requirements: (bench) => [bench.sigstoreSigned()],
    referrers: (bench) => [referrer(bench, ARTIFACT)],
    accepts: true,
    but: [{ judge: "skopeo 1.18", accepts: false, because: "it reads cosign's tag only" }],
  },
  {
    name: "among the referrers, by another key",
    requirements: (bench) => [bench.sigstoreSigned({ keyData: base64(bench.otherCosign.pem) })],
    referrers: (bench) => [referrer(bench, ARTIFACT)],
    accepts: false,
    says: /verification failed/,
  },
  {
    name: "a bundle among the referrers",
    requirements: (bench) => [bench.sigstoreSigned()],
    referrers: (bench) => [referrer(bench, BUNDLE)],
    accepts: false,
    says: /no signature exists/,
  },
  {
    name: "a bundle beside a signature under the tag",
    requirements: (bench) => [bench.sigstoreSigned()],
    attached: (bench) => bench.attach(),
    referrers: (bench) => [referrer(bench, BUNDLE)],
    accepts: true,
  },
];

testTrustTable("sigstore keys", CASES, { sigstore: true });

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** As `cosign sign` attaches it with OCI 1.1: signed by the bench's key. */
function referrer(bench: TrustBench, artifactType: string): TestContent {
  const subject = bench.image.descriptor;
  return cosignManifest(bench.attach(), { artifactType, subject });
}
