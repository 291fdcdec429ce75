/** cosign's signatures by certificates of Fulcio and of an own authority, and what Rekor says of them, checked without a network. */
import { afterAll, beforeAll } from "vitest";
import { cosignSignature, type SigstoreKey, sigstoreKey } from "../support/signed.ts";
import { Authority, type LeafOptions, type LogEntry, rekorBundle } from "../support/sigstore-authority.ts";
import type { Attached, TrustBench, TrustCase } from "../support/trust-bench.ts";
import { testTrustTable } from "../support/trust-table.ts";

const ISSUER = "https://login.example.com";
const EMAIL = "release@example.com";
const SIGNER: LeafOptions = { email: EMAIL, issuer: ISSUER };
const SET = "dev.sigstore.cosign/bundle";

let authority: Authority;
let stranger: Authority;
const log: SigstoreKey = sigstoreKey();

beforeAll(async () => {
  authority = await Authority.open();
  stranger = await Authority.open();
});

afterAll(async () => {
  await authority.close();
  await stranger.close();
});

const base64 = (text: string): string => Buffer.from(text).toString("base64");

function fulcio(more: object = {}, rekor: object = { rekorPublicKeyData: base64(log.pem) }): () => object[] {
  return () => {
    const known = { caData: base64(authority.root), oidcIssuer: ISSUER, subjectEmail: EMAIL };
    return [{ type: "sigstoreSigned", fulcio: { ...known, ...more }, ...rekor }];
  };
}

interface Made {
  by?: () => Authority;
  chain?: () => string;
  /** Laid over the entry of the log. */
  entry?: Partial<LogEntry>;
  /** Whose promise it is. */
  logKey?: SigstoreKey;
  change?: (annotations: Record<string, string>) => Record<string, string>;
}

/** A signature by the key of a certificate, with the certificate and the log's promise beside it. */
function certified(leafOptions: LeafOptions = SIGNER, made: Made = {}) {
  return async (bench: TrustBench): Promise<Attached[]> => {
    const issuer = made.by?.() ?? authority;
    const leaf = await issuer.leaf(leafOptions);
    const [attached] = bench.attach({}, { key: leaf.key, pem: "" });
    if (attached === undefined) throw new Error("nothing was attached");
    const { payload } = attached;
    const signature = cosignSignature(payload, leaf.key);
    const entry = { payload, signature, signedWith: leaf.pem, ...made.entry };
    const annotations = {
      "dev.cosignproject.cosign/signature": signature,
      "dev.sigstore.cosign/certificate": leaf.pem,
      "dev.sigstore.cosign/chain": made.chain?.() ?? `${issuer.intermediate}${issuer.root}`,
      [SET]: rekorBundle((made.logKey ?? log).key, entry),
    };
    return [{ payload, annotations: made.change?.(annotations) ?? annotations }];
  };
}

/** A signature by the bench's key, with the promise of a log. */
function logged(logKey: SigstoreKey = log, more: Partial<LogEntry> = {}) {
  return (bench: TrustBench): Attached[] =>
    bench.attach().map(({ payload, annotations }) => {
      const signature = annotations["dev.cosignproject.cosign/signature"] ?? "";
      const entry = { payload, signature, signedWith: bench.cosign.pem, ...more };
      return { payload, annotations: { ...annotations, [SET]: rekorBundle(logKey.key, entry) } };
    });
}

const logNeeded = (bench: TrustBench): object[] => [
  bench.sigstoreSigned({ rekorPublicKeyData: base64(log.pem) }),
];
const edit = (from: string, to: string): Pick<Made, "change"> => ({
  change: (annotations) => ({ ...annotations, [SET]: (annotations[SET] ?? "").replace(from, to) }),
});

const FULCIO: TrustCase[] = [
  { name: "fulcio", requirements: fulcio(), attached: certified(), accepts: true },
  {
    name: "fulcio, old issuer extension",
    requirements: fulcio(),
    attached: certified({ email: EMAIL, oldIssuer: ISSUER }),
    accepts: true,
  },
  {
    name: "fulcio, both issuer extensions",
    requirements: fulcio(),
    attached: certified({ ...SIGNER, oldIssuer: ISSUER }),
    accepts: true,
  },
  {
    name: "fulcio, issuer extensions that differ",
    requirements: fulcio(),
    attached: certified({ ...SIGNER, oldIssuer: "https://x.example" }),
    accepts: false,
    says: /differ/,
  },
  {
    name: "fulcio, no issuer",
    requirements: fulcio(),
    attached: certified({ email: EMAIL }),
    accepts: false,
    says: /missing the issuer extension/,
  },
  {
    name: "fulcio, another issuer",
    requirements: fulcio(),
    attached: certified({ email: EMAIL, issuer: "https://evil.example" }),
    accepts: false,
    says: /Unexpected Fulcio OIDC issuer/,
  },
  {
    name: "fulcio, another address",
    requirements: fulcio(),
    attached: certified({ email: "mallory@example.com", issuer: ISSUER }),
    accepts: false,
    says: /Required email release@example.com not found/,
  },
  {
    name: "fulcio, no address",
    requirements: fulcio(),
    attached: certified({ hostname: "example.com", issuer: ISSUER }),
    accepts: false,
    says: /Required email/,
  },
  {
    name: "fulcio, another purpose",
    requirements: fulcio(),
    attached: certified({ ...SIGNER, usage: "serverAuth" }),
    accepts: false,
    says: /not for signing code/,
  },
  {
    name: "fulcio, by the root itself",
    requirements: fulcio(),
    attached: certified({ ...SIGNER, direct: true }),
    accepts: true,
  },
  {
    name: "fulcio, no chain",
    requirements: fulcio(),
    attached: certified(SIGNER, { chain: () => "" }),
    accepts: false,
    says: /unknown authority/,
  },
  {
    name: "fulcio, another authority",
    requirements: fulcio(),
    attached: certified(SIGNER, { by: () => stranger }),
    accepts: false,
    says: /unknown authority/,
  },
  {
    name: "fulcio, a root of the signer's own",
    requirements: fulcio(),
    attached: certified(SIGNER, {
      by: () => stranger,
      chain: () => `${stranger.intermediate}${stranger.root}${stranger.root}`,
    }),
    accepts: false,
    says: /unknown authority/,
  },
  {
    name: "fulcio, logged when the certificate was not valid",
    requirements: fulcio(),
    attached: certified(SIGNER, { entry: { time: Math.floor(Date.now() / 1000) + 3 * 86_400 } }),
    accepts: false,
    says: /was not valid at/,
  },
  {
    name: "fulcio, two certificates",
    requirements: fulcio(),
    attached: certified(SIGNER, {
      change: (annotations) => ({
        ...annotations,
        "dev.sigstore.cosign/certificate": `${annotations["dev.sigstore.cosign/certificate"]}${authority.root}`,
      }),
    }),
    accepts: false,
  },
  {
    name: "fulcio, signed by a key without a certificate",
    requirements: fulcio(),
    attached: logged(),
    accepts: false,
    says: /missing dev.sigstore.cosign\/certificate annotation/,
  },
  {
    name: "fulcio without rekor",
    requirements: fulcio({}, {}),
    attached: certified(),
    accepts: false,
    says: /fulcio needs a rekorPublicKey/,
  },
  {
    name: "fulcio without an issuer in the policy",
    requirements: fulcio({ oidcIssuer: "" }),
    attached: certified(),
    accepts: false,
    says: /oidcIssuer not specified/,
  },
  {
    name: "fulcio for a key's signature in the policy",
    requirements: (bench) => [bench.sigstoreSigned({ ...fulcio()()[0], type: "sigstoreSigned" })],
    attached: certified(),
    accepts: false,
    says: /exactly one of/,
  },
];

const REKOR: TrustCase[] = [
  {
    name: "fulcio, not logged",
    requirements: fulcio(),
    attached: certified(SIGNER, { change: ({ [SET]: _, ...others }) => others }),
    accepts: false,
    says: /missing dev.sigstore.cosign\/bundle annotation/,
  },
  {
    name: "fulcio, logged elsewhere",
    requirements: fulcio(),
    attached: certified(SIGNER, { logKey: sigstoreKey() }),
    accepts: false,
    says: /verification of Rekor SET failed/,
  },
  {
    name: "fulcio, entry altered",
    requirements: fulcio(),
    attached: certified(SIGNER, edit('"logIndex":7', '"logIndex":8')),
    accepts: false,
    says: /verification of Rekor SET failed/,
  },
  {
    name: "fulcio, entry with more members",
    requirements: fulcio(),
    attached: certified(SIGNER, edit('"logIndex":7', '"logIndex":7,"more":1')),
    accepts: false,
    says: /does not have exactly/,
  },
  {
    name: "fulcio, entry of another payload",
    requirements: fulcio(),
    attached: certified(SIGNER, { entry: { payload: Buffer.from("x") } }),
    accepts: false,
    says: /payload in Rekor SET does not match/,
  },
  {
    name: "fulcio, entry of another signature",
    requirements: fulcio(),
    attached: certified(SIGNER, { entry: { signature: base64("x") } }),
    accepts: false,
    says: /signature in Rekor SET does not match/,
  },
  { name: "key and rekor", requirements: logNeeded, attached: logged(), accepts: true },
  {
    name: "key and rekor, long ago",
    requirements: logNeeded,
    attached: logged(log, { time: 1_600_000_000 }),
    accepts: true,
  },
  {
    name: "key and rekor, not logged",
    requirements: logNeeded,
    attached: (bench) => bench.attach(),
    accepts: false,
    says: /missing dev.sigstore.cosign\/bundle annotation/,
  },
  {
    name: "key and rekor, logged elsewhere",
    requirements: logNeeded,
    attached: logged(sigstoreKey()),
    accepts: false,
    says: /verification of Rekor SET failed/,
  },
  {
    name: "key and rekor, entry of another key",
    requirements: logNeeded,
    attached: (bench) => logged(log, { signedWith: bench.otherCosign.pem })(bench),
    accepts: false,
    says: /publicKey in Rekor SET does not match/,
  },
  {
    name: "key and two logs",
    requirements: (bench) => [
      bench.sigstoreSigned({ rekorPublicKeyDatas: [base64(sigstoreKey().pem), base64(log.pem)] }),
    ],
    attached: logged(),
    accepts: true,
  },
];

/** An own authority in place of Fulcio. */
function pki(more: object): () => object[] {
  return () => {
    const known = {
      caRootsData: base64(authority.root),
      caIntermediatesData: base64(authority.intermediate),
    };
    return [{ type: "sigstoreSigned", pki: { ...known, ...more } }];
  };
}

const PKI: TrustCase[] = [
  {
    name: "pki",
    requirements: pki({ subjectEmail: EMAIL }),
    attached: certified({ email: EMAIL }, { chain: () => "" }),
    accepts: true,
  },
  {
    name: "pki, host",
    requirements: pki({ subjectHostname: "build.example.com" }),
    attached: certified({ hostname: "build.example.com" }),
    accepts: true,
  },
  {
    name: "pki, another host",
    requirements: pki({ subjectHostname: "build.example.com" }),
    attached: certified({ hostname: "evil.example.com" }),
    accepts: false,
    says: /not for the host build.example.com/,
  },
  {
    name: "pki, another authority",
    requirements: pki({ subjectEmail: EMAIL }),
    attached: certified({ email: EMAIL }, { by: () => stranger }),
    accepts: false,
    says: /unknown authority/,
  },
  {
    name: "pki with rekor in the policy",
    requirements: () => [{ ...pki({ subjectEmail: EMAIL })()[0], rekorPublicKeyData: base64(log.pem) }],
    attached: certified({ email: EMAIL }),
    accepts: false,
    says: /exclude each other/,
  },
];

testTrustTable("sigstore certificates", [...FULCIO, ...REKOR, ...PKI], { sigstore: true });
