/** cosign's signatures: a payload, signed by a key that the policy names or that a certificate vouches for. */
import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { SigstoreSignature } from "../oci/signature.ts";
import { signatureRefused } from "./signature-refused.ts";

/** Annotations of cosign's layers. */
export const ANNOTATION = {
  signature: "dev.cosignproject.cosign/signature",
  certificate: "dev.sigstore.cosign/certificate",
  chain: "dev.sigstore.cosign/chain",
  set: "dev.sigstore.cosign/bundle",
} as const;

/** PEM public keys. SIGNATURE_INVALID. */
export function readPublicKeys(files: readonly Buffer[]): KeyObject[] {
  return files.map((bytes) => {
    const pem = bytes.toString().trim();
    try {
      if (!/^-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(pem)) throw new Error("not a PEM public key");
      return createPublicKey(pem);
    } catch (error) {
      throw signatureRefused("a sigstore key of the policy cannot be read", error);
    }
  });
}

/** An annotation that must be there. SIGNATURE_INVALID. */
export function annotationOf({ annotations }: SigstoreSignature, name: keyof typeof ANNOTATION): string {
  const value = annotations[ANNOTATION[name]];
  if (value === undefined) throw signatureRefused(`missing ${ANNOTATION[name]} annotation`);
  return value;
}

/** The key of `keys` that signed the payload. SIGNATURE_INVALID. */
export function signerOf(signature: SigstoreSignature, keys: readonly KeyObject[]): KeyObject {
  const bytes = Buffer.from(annotationOf(signature, "signature"), "base64");
  const signer = keys.find((key) => isSignedBy(signature.payload, { key, bytes }));
  if (signer !== undefined) return signer;
  throw signatureRefused(
    "cryptographic signature verification failed: it is not by the policy's key, or it was altered",
  );
}

/** SHA-256 of the SubjectPublicKeyInfo, hex: how a key is called in records. */
export function keyName(key: KeyObject): string {
  return `sha256:${createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex")}`;
}

function isSignedBy(payload: Buffer, { key, bytes }: { key: KeyObject; bytes: Buffer }): boolean {
  const algorithm = key.asymmetricKeyType === "ed25519" ? null : "sha256";
  try {
    return verify(algorithm, payload, key, bytes);
  } catch {
    return false; // of a type that cannot sign
  }
}
