/** Rekor's promise that a signature is in its log, checked without asking it: the SET that cosign keeps beside a signature. */
import { type KeyObject, verify } from "node:crypto";
import { isFailure } from "../errors.ts";
import { sha256 } from "../oci/digest.ts";
import { asObject, parseJson } from "../oci/json.ts";
import type { SigstoreSignature } from "../oci/signature.ts";
import { signatureRefused } from "./signature-refused.ts";
import { annotationOf } from "./sigstore.ts";

/**
 * When the log took the signature in: seconds since 1970. `signedWith`: DER of the key or the certificate that the entry must be for.
 * SIGNATURE_INVALID.
 */
export async function verifyRekorSet(
  signature: SigstoreSignature,
  { keys, signedWith }: { keys: readonly KeyObject[]; signedWith: Buffer },
): Promise<number> {
  const set = members(annotationOf(signature, "set"), "Rekor SET", ["SignedEntryTimestamp", "Payload"]);
  const payload = checkMembers(set["Payload"], "Rekor SET payload", [
    "body",
    "integratedTime",
    "logIndex",
    "logID",
  ]);
  const { json } = await import("@sigstore/core");
  const signed = Buffer.from(json.canonicalize(payload as Record<string, never>) as string);
  const promise = Buffer.from(String(set["SignedEntryTimestamp"]), "base64");
  if (!keys.some((key) => key.asymmetricKeyType === "ec" && verify("sha256", signed, key, promise)))
    throw signatureRefused("cryptographic signature verification of Rekor SET failed");
  const { body, integratedTime } = payload;
  if (typeof body !== "string" || !Number.isSafeInteger(integratedTime))
    throw signatureRefused("the Rekor SET payload is not valid");
  checkEntry(Buffer.from(body, "base64"), { signature, signedWith });
  return integratedTime as number;
}

function checkEntry(
  body: Buffer,
  { signature, signedWith }: { signature: SigstoreSignature; signedWith: Buffer },
): void {
  const entry = object(read(body, "Rekor entry"), "Rekor entry");
  if (entry["kind"] !== "hashedrekord" || entry["apiVersion"] !== "0.0.1")
    throw signatureRefused("the Rekor entry is not a hashedrekord of version 0.0.1");
  const spec = object(entry["spec"], "spec");
  const { content, publicKey } = object(spec["signature"], "spec.signature");
  const pem = Buffer.from(String(object(publicKey, "publicKey")["content"]), "base64").toString();
  if (!derOf(pem, "publicKey in Rekor SET").equals(signedWith))
    throw signatureRefused("publicKey in Rekor SET does not match");
  const own = Buffer.from(annotationOf(signature, "signature"), "base64");
  if (!Buffer.from(String(content), "base64").equals(own))
    throw signatureRefused("signature in Rekor SET does not match");
  const { algorithm, value } = object(object(spec["data"], "spec.data")["hash"], "spec.data.hash");
  if (algorithm !== "sha256" || sha256(signature.payload) !== `sha256:${String(value)}`)
    throw signatureRefused("payload in Rekor SET does not match");
}

/** The bytes of the one PEM block in `text`. SIGNATURE_INVALID. */
export function derOf(text: string, what: string): Buffer {
  const [, label, body, end] =
    /^\s*-----BEGIN ([A-Z ]+)-----\s+([A-Za-z0-9+/=\s]+)-----END ([A-Z ]+)-----\s*$/.exec(text) ?? [];
  if (body === undefined || label !== end) throw signatureRefused(`${what} is not one PEM block`);
  return Buffer.from(body.replace(/\s/g, ""), "base64");
}

function members(text: string, what: string, names: readonly string[]): Record<string, unknown> {
  return checkMembers(read(Buffer.from(text), what), what, names);
}

function checkMembers(value: unknown, what: string, names: readonly string[]): Record<string, unknown> {
  const found = object(value, what);
  const keys = Object.keys(found);
  if (keys.length !== names.length || names.some((name) => !(name in found)))
    throw signatureRefused(`the ${what} does not have exactly ${names.join(", ")}`);
  return found;
}

function read(bytes: Buffer, what: string): unknown {
  return refused(() => parseJson(bytes, what, { code: "SIGNATURE_INVALID" }));
}

function object(value: unknown, what: string): Record<string, unknown> {
  return refused(() => asObject(value, what, "SIGNATURE_INVALID"));
}

function refused<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw isFailure(error) ? signatureRefused(error.message) : error;
  }
}
