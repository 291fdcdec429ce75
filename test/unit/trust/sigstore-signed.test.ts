import { afterAll, beforeAll, expect, test } from "vitest";
import { parseReference } from "../../../src/oci/reference.ts";
import { checkPolicy } from "../../../src/trust/check-policy.ts";
import { parsePolicy } from "../../../src/trust/policy.ts";
import type { Verdict } from "../../../src/trust/verdict.ts";
import { cosignPayload, cosignSignature, type SigstoreKey, sigstoreKey } from "../../support/signed.ts";
import { Authority, type Leaf, type LeafOptions, rekorBundle } from "../../support/sigstore-authority.ts";

const MANIFEST = Buffer.from("{}");
const DIGEST = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const NAME = "example.com/a/b:1";
const ISSUER = "https://login.example.com";
const EMAIL = "release@example.com";
const SIGNATURE = "dev.cosignproject.cosign/signature";
const SET = "dev.sigstore.cosign/bundle";

let authority: Authority;
let other: Authority;
let log: SigstoreKey;
let key: SigstoreKey;

beforeAll(async () => {
  authority = await Authority.open();
  other = await Authority.open();
  log = sigstoreKey();
  key = sigstoreKey();
});

afterAll(async () => {
  await authority.close();
  await other.close();
});

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** The verdict on an image with one signature, made with these annotations. */
async function verdict(
  requirement: object,
  annotations: Record<string, string>,
  payload = good(),
): Promise<Verdict> {
  const policy = parsePolicy(JSON.stringify({ default: [{ type: "sigstoreSigned", ...requirement }] }));
  return await checkPolicy(policy, {
    reference: parseReference(NAME),
    manifest: MANIFEST,
    signatures: async () => [
      {
        kind: "sigstore",
        mimeType: "application/vnd.dev.cosign.simplesigning.v1+json",
        payload,
        annotations,
      },
    ],
  });
}

/** Why it was refused; `accepted` otherwise. */
async function reason(...args: Parameters<typeof verdict>): Promise<string> {
  try {
    await verdict(...args);
    return "accepted";
  } catch (error) {
    return ((error as Error).cause as Error).message;
  }
}

function good(): Buffer {
  return cosignPayload({ identity: NAME, digest: DIGEST });
}

function fulcio(more: object = {}): object {
  return {
    fulcio: { caData: base64(authority.root), oidcIssuer: ISSUER, subjectEmail: EMAIL, ...more },
    rekorPublicKeyData: base64(log.pem),
  };
}

function annotationsOf(
  leaf: Leaf,
  { chain = `${authority.intermediate}${authority.root}`, time }: { chain?: string; time?: number } = {},
): Record<string, string> {
  const signature = cosignSignature(good(), leaf.key);
  return {
    [SIGNATURE]: signature,
    [SET]: rekorBundle(log.key, {
      payload: good(),
      signature,
      signedWith: leaf.pem,
      ...(time === undefined ? {} : { time }),
    }),
    "dev.sigstore.cosign/certificate": leaf.pem,
    "dev.sigstore.cosign/chain": chain,
  };
}

test("sigstoreSigned by Fulcio and Rekor is accepted, and says who signed and when", async () => {
  const leaf = await authority.leaf({ email: EMAIL, issuer: ISSUER });
  expect(await verdict(fulcio(), annotationsOf(leaf))).toMatchObject({
    scope: "the default policy",
    requirements: [{ type: "sigstoreSigned", signer: EMAIL, identity: NAME, digest: DIGEST }],
  });
});

test.each<[string, LeafOptions, string]>([
  ["the old issuer extension", { email: EMAIL, oldIssuer: ISSUER }, "accepted"],
  ["both issuer extensions", { email: EMAIL, issuer: ISSUER, oldIssuer: ISSUER }, "accepted"],
  ["issuer extensions that differ", { email: EMAIL, issuer: ISSUER, oldIssuer: "https://x" }, "differ"],
  ["no issuer", { email: EMAIL }, "missing the issuer extension"],
  ["another issuer", { email: EMAIL, issuer: "https://evil.example" }, "Unexpected Fulcio OIDC issuer"],
  ["another address", { email: "mallory@example.com", issuer: ISSUER }, `Required email ${EMAIL} not found`],
  [
    "a host instead of an address",
    { hostname: "example.com", issuer: ISSUER },
    `Required email ${EMAIL} not found`,
  ],
  ["another purpose", { email: EMAIL, issuer: ISSUER, usage: "serverAuth" }, "not for signing code"],
])("sigstoreSigned by Fulcio: a certificate with %s", async (_, options, expected) => {
  const leaf = await authority.leaf(options);
  expect(await reason(fulcio(), annotationsOf(leaf))).toContain(expected);
});

test("sigstoreSigned by Fulcio: certificates that lead nowhere, or at another time, are refused", async () => {
  const leaf = await authority.leaf({ email: EMAIL, issuer: ISSUER });
  expect(await reason(fulcio(), annotationsOf(leaf, { chain: "" }))).toContain("unknown authority");
  expect(await reason(fulcio({ caData: base64(other.root) }), annotationsOf(leaf))).toContain(
    "unknown authority",
  );
  // A root of one's own in the chain is not trusted for that.
  const forged = await other.leaf({ email: EMAIL, issuer: ISSUER });
  const chain = `${other.intermediate}${other.root}${other.root}`;
  expect(await reason(fulcio(), annotationsOf(forged, { chain }))).toContain("unknown authority");
  const late = Math.floor(Date.now() / 1000) + 3 * 86_400;
  expect(await reason(fulcio(), annotationsOf(leaf, { time: late }))).toContain("was not valid at");
});

test("sigstoreSigned by Fulcio: what Rekor did not log is refused", async () => {
  const leaf = await authority.leaf({ email: EMAIL, issuer: ISSUER });
  const annotations = annotationsOf(leaf);
  const { [SET]: set = "", ...without } = annotations;
  expect(await reason(fulcio(), without)).toBe(`missing ${SET} annotation`);
  const strange = rekorBundle(sigstoreKey().key, {
    payload: good(),
    signature: annotations[SIGNATURE] ?? "",
    signedWith: leaf.pem,
  });
  expect(await reason(fulcio(), { ...annotations, [SET]: strange })).toContain(
    "verification of Rekor SET failed",
  );
  expect(
    await reason(fulcio(), { ...annotations, [SET]: set.replace('"logIndex":7', '"logIndex":8') }),
  ).toContain("verification of Rekor SET failed");
  expect(
    await reason(fulcio(), { ...annotations, [SET]: set.replace('"logIndex":7', '"logIndex":7,"more":1') }),
  ).toContain("does not have exactly");
  const entry = (more: object): Record<string, string> => ({
    ...annotations,
    [SET]: rekorBundle(log.key, {
      payload: good(),
      signature: annotations[SIGNATURE] ?? "",
      signedWith: leaf.pem,
      ...more,
    }),
  });
  expect(await reason(fulcio(), entry({ payload: Buffer.from("x") }))).toContain(
    "payload in Rekor SET does not match",
  );
  expect(await reason(fulcio(), entry({ signature: base64("x") }))).toContain(
    "signature in Rekor SET does not match",
  );
  expect(await reason(fulcio(), entry({ signedWith: key.pem }))).toContain(
    "publicKey in Rekor SET does not match",
  );
});

test("sigstoreSigned by a key and Rekor", async () => {
  const requirement = {
    keyData: base64(key.pem),
    rekorPublicKeyDatas: [base64(sigstoreKey().pem), base64(log.pem)],
  };
  const signature = cosignSignature(good(), key.key);
  const set = rekorBundle(log.key, { payload: good(), signature, signedWith: key.pem, time: 1_600_000_000 });
  const found = await verdict(requirement, { [SIGNATURE]: signature, [SET]: set });
  expect(found.requirements).toMatchObject([{ signed: "2020-09-13T12:26:40.000Z" }]);
  expect(await reason(requirement, { [SIGNATURE]: signature })).toBe(`missing ${SET} annotation`);
});

test("sigstoreSigned by one of several keys", async () => {
  const requirement = { keyDatas: [base64(sigstoreKey().pem), base64(key.pem)] };
  expect(await reason(requirement, { [SIGNATURE]: cosignSignature(good(), key.key) })).toBe("accepted");
  expect(await reason(requirement, { [SIGNATURE]: cosignSignature(good(), log.key) })).toContain(
    "verification failed",
  );
  expect(await reason(requirement, {})).toBe(`missing ${SIGNATURE} annotation`);
});

test.each<[string, LeafOptions, object, string]>([
  ["an address", { email: EMAIL }, { subjectEmail: EMAIL }, "accepted"],
  ["a host", { hostname: "build.example.com" }, { subjectHostname: "build.example.com" }, "accepted"],
  [
    "both",
    { email: EMAIL, hostname: "b.example.com" },
    { subjectEmail: EMAIL, subjectHostname: "b.example.com" },
    "accepted",
  ],
  ["another address", { email: "x@example.com" }, { subjectEmail: EMAIL }, "Required email"],
  ["another host", { hostname: "b.example.com" }, { subjectHostname: "c.example.com" }, "not for the host"],
  [
    "one of two",
    { email: EMAIL },
    { subjectEmail: EMAIL, subjectHostname: "b.example.com" },
    "not for the host",
  ],
])("sigstoreSigned by an own authority: a certificate for %s", async (_, options, subject, expected) => {
  const leaf = await authority.leaf(options);
  const { [SET]: __, ...annotations } = annotationsOf(leaf, { chain: "" });
  const pki = {
    caRootsData: base64(authority.root),
    caIntermediatesData: base64(authority.intermediate),
    ...subject,
  };
  expect(await reason({ pki }, annotations)).toContain(expected);
});
