/** Certificates that vouch for the key of a sigstore signature: Fulcio's for a login, an own authority's for an address or a host. */
import { type KeyObject, X509Certificate } from "node:crypto";
import { printable } from "../oci/printable.ts";
import { signatureRefused } from "./signature-refused.ts";

const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const ANY_PURPOSE = "2.5.29.37.0";
/** Fulcio's extensions for the OIDC issuer: the old one holds it as it is, the new one as a UTF8String. */
const ISSUER = "1.3.6.1.4.1.57264.1.1";
const ISSUER_V2 = "1.3.6.1.4.1.57264.1.8";
const MAX_CHAIN = 10;
const MAX_CERTIFICATES = 100;

export interface Authorities {
  roots: readonly X509Certificate[];
  /** Certificates between a root and the signer's; not trusted by themselves. */
  intermediates: readonly X509Certificate[];
}

/** PEM certificates, at least one. SIGNATURE_INVALID. */
export function readCertificates(pem: string, what: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw signatureRefused(`${what} holds no certificate`);
  if (blocks.length > MAX_CERTIFICATES)
    throw signatureRefused(`${what} holds more than ${MAX_CERTIFICATES} certificates`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw signatureRefused(`${what} holds a certificate that cannot be read`, error);
  }
}

/** The one certificate of a signature. SIGNATURE_INVALID. */
export function readLeaf(pem: string): X509Certificate {
  const [leaf, ...others] = readCertificates(pem, "the signature's certificate");
  if (leaf === undefined || others.length > 0)
    throw signatureRefused("unexpected multiple certificates present in signature certificate data");
  return leaf;
}

/** A signature's own chain: all but its last, which would be a root. */
export function readChain(pem: string | undefined): X509Certificate[] {
  return pem === undefined || pem === "" ? [] : readCertificates(pem, "the signature's chain").slice(0, -1);
}

/** The key of a certificate that was for signing code, valid at `time`, and leads to one of the roots. SIGNATURE_INVALID. */
export function verifyChain(leaf: X509Certificate, authorities: Authorities, time: Date): KeyObject {
  if (!mayVouchForCode(leaf))
    throw signatureRefused("verifying leaf certificate failed: it is not for signing code");
  const reason = whyNot(leaf, { authorities, time, depth: 0 });
  if (reason !== undefined) throw signatureRefused(`verifying leaf certificate failed: ${reason}`);
  return leaf.publicKey;
}

/** Who logged in when Fulcio gave the certificate. SIGNATURE_INVALID. */
export async function checkFulcioSubject(
  leaf: X509Certificate,
  { oidcIssuer, subjectEmail }: { oidcIssuer: string; subjectEmail: string },
): Promise<void> {
  const issuer = await issuerOf(leaf);
  if (issuer !== oidcIssuer) throw signatureRefused(`Unexpected Fulcio OIDC issuer "${printable(issuer)}"`);
  checkEmail(leaf, subjectEmail);
}

/** SIGNATURE_INVALID. */
export function checkEmail(leaf: X509Certificate, email: string): void {
  const names = emailsOf(leaf);
  if (names.includes(email)) return;
  throw signatureRefused(`Required email ${email} not found (got ${printable(names.join(", ")) || "none"})`);
}

/** SIGNATURE_INVALID. */
export function checkHostname(leaf: X509Certificate, hostname: string): void {
  if (leaf.checkHost(hostname, { subject: "never" }) !== undefined) return;
  throw signatureRefused(`the certificate is not for the host ${hostname}`);
}

/** Of the subject alternative name. Node quotes what could be mistaken for a separator. */
function emailsOf({ subjectAltName = "" }: X509Certificate): string[] {
  return [...subjectAltName.matchAll(/(?:^|, )email:("(?:[^"\\]|\\.)*"|[^,"]*)/g)].map(([, name = ""]) =>
    name.startsWith('"') ? (JSON.parse(name) as string) : name,
  );
}

/** Whether its purposes, where it names any, include signing code. Node calls the extended key usages keyUsage. */
function mayVouchForCode({ keyUsage }: X509Certificate): boolean {
  const usages = (keyUsage as string[] | undefined) ?? [];
  return usages.length === 0 || usages.some((usage) => usage === CODE_SIGNING || usage === ANY_PURPOSE);
}

/** Undefined when the certificate leads to a root. */
function whyNot(
  certificate: X509Certificate,
  { authorities, time, depth }: { authorities: Authorities; time: Date; depth: number },
): string | undefined {
  if (certificate.validFromDate > time || certificate.validToDate < time)
    return `a certificate was not valid at ${time.toISOString()}`;
  if (depth >= MAX_CHAIN) return "the chain is too long";
  const isIssuer = (issuer: X509Certificate): boolean =>
    issuer.ca &&
    mayVouchForCode(issuer) &&
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey);
  const root = authorities.roots.find(
    (each) => each.fingerprint256 === certificate.fingerprint256 || isIssuer(each),
  );
  if (root !== undefined)
    return root.validFromDate > time || root.validToDate < time ? "the root was not valid then" : undefined;
  const rest = (used: X509Certificate): Authorities => ({
    roots: authorities.roots,
    intermediates: authorities.intermediates.filter((each) => each !== used),
  });
  let reason = "certificate signed by unknown authority";
  for (const issuer of authorities.intermediates.filter(isIssuer)) {
    const found = whyNot(issuer, { authorities: rest(issuer), time, depth: depth + 1 });
    if (found === undefined) return undefined;
    reason = found;
  }
  return reason;
}

async function issuerOf(leaf: X509Certificate): Promise<string> {
  const { ASN1Obj, X509Certificate: Parsed } = await import("@sigstore/core");
  const parsed = Parsed.parse(Buffer.from(leaf.raw));
  const old = parsed.extension(ISSUER)?.value.toString();
  const encoded = parsed.extension(ISSUER_V2)?.value;
  const current = encoded && ASN1Obj.parseBuffer(Buffer.from(encoded)).value.toString();
  if (old !== undefined && current !== undefined && old !== current)
    throw signatureRefused("the certificate's two issuer extensions differ");
  const issuer = current ?? old;
  if (issuer === undefined) throw signatureRefused("Fulcio certificate is missing the issuer extension");
  return issuer;
}
