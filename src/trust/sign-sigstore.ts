/** cosign's signatures, made. */
import { createPrivateKey, type KeyObject, scryptSync, sign } from "node:crypto";
import { Failure } from "../errors.ts";
import { SIMPLE_SIGNING_TYPE, type SigstoreSignature } from "../oci/signature.ts";
import { formatPayload, type Payload } from "./payload.ts";
import { ANNOTATION } from "./sigstore.ts";

const ENCRYPTED = /-----BEGIN ENCRYPTED (?:COSIGN|SIGSTORE) PRIVATE KEY-----([\s\S]+?)-----END/;
/** Most memory that the derivation of a key may take; bytes. */
const SCRYPT_MEMORY = 256 * 1024 * 1024;

/** Whether a file holds a key for sigstore rather than for OpenPGP. */
export function isSigstoreKey(bytes: Buffer): boolean {
  return /-----BEGIN (?:ENCRYPTED )?(?:(?:COSIGN|SIGSTORE|EC|RSA) )?PRIVATE KEY-----/.test(
    bytes.toString("latin1"),
  );
}

/** A private key in PEM, or one that `cosign generate-key-pair` made. SIGNATURE_INVALID. */
export async function readSigstoreKey(bytes: Buffer, passphrase: string | undefined): Promise<KeyObject> {
  const pem = bytes.toString();
  const encrypted = ENCRYPTED.exec(pem)?.[1];
  try {
    if (encrypted === undefined)
      return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
    const der = await decrypt(Buffer.from(encrypted.replace(/\s/g, ""), "base64"), passphrase ?? "");
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(
      "SIGNATURE_INVALID",
      "the private key cannot be read: another passphrase, or no such key",
      {
        hint: "--passphrase-file names a file with the passphrase.",
      },
    );
  }
}

export function signSigstore(payload: Payload, key: KeyObject): SigstoreSignature {
  const bytes = formatPayload(payload, "sigstore");
  const algorithm = key.asymmetricKeyType === "ed25519" ? null : "sha256";
  const signature = sign(algorithm, bytes, key).toString("base64");
  return {
    kind: "sigstore",
    mimeType: SIMPLE_SIGNING_TYPE,
    payload: bytes,
    annotations: { [ANNOTATION.signature]: signature },
  };
}

/** The container of go-securesystemslib: scrypt, then NaCl's secretbox. */
async function decrypt(json: Buffer, passphrase: string): Promise<Buffer> {
  const { kdf, cipher, ciphertext } = JSON.parse(json.toString()) as {
    kdf: { name: string; params: { N: number; r: number; p: number }; salt: string };
    cipher: { name: string; nonce: string };
    ciphertext: string;
  };
  if (kdf.name !== "scrypt" || cipher.name !== "nacl/secretbox")
    throw new Failure("UNSUPPORTED", `the private key is encrypted by ${kdf.name} and ${cipher.name}`);
  const { N, r, p } = kdf.params;
  const secret = scryptSync(passphrase, Buffer.from(kdf.salt, "base64"), 32, {
    N,
    r,
    p,
    maxmem: SCRYPT_MEMORY,
  });
  const { xsalsa20poly1305 } = await import("@noble/ciphers/salsa.js");
  const box = xsalsa20poly1305(new Uint8Array(secret), new Uint8Array(Buffer.from(cipher.nonce, "base64")));
  return Buffer.from(box.decrypt(new Uint8Array(Buffer.from(ciphertext, "base64"))));
}
