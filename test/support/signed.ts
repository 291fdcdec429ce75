/** Signatures of images as other programs make them: JSON written by hand, signed by gpg or by node:crypto. */
import { generateKeyPairSync, type KeyObject, scryptSync, sign } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { makeContent, type TestContent } from "./images.ts";

export interface PayloadOptions {
  identity: string;
  digest: string;
  type?: string;
  /** Laid over `critical`. */
  critical?: object;
  optional?: object | null;
}

export function payloadOf({ identity, digest, type, critical, optional = {} }: PayloadOptions): string {
  return JSON.stringify({
    critical: {
      type: type ?? "atomic container signature",
      image: { "docker-manifest-digest": digest },
      identity: { "docker-reference": identity },
      ...critical,
    },
    optional,
  });
}

/** Files of a lookaside directory for an image. */
export async function writeLookaside(
  directory: string,
  { repository, digest }: { repository: string; digest: string },
  signatures: readonly Buffer[],
): Promise<void> {
  const dir = join(directory, `${repository}@${digest.replace(":", "=")}`);
  await mkdir(dir, { recursive: true });
  for (const [at, bytes] of signatures.entries()) await writeFile(join(dir, `signature-${at + 1}`), bytes);
}

export interface SigstoreKey {
  key: KeyObject;
  pem: string;
}

export function sigstoreKey(): SigstoreKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { key: privateKey, pem: publicKey.export({ type: "spki", format: "pem" }).toString() };
}

export function cosignPayload(options: PayloadOptions): Buffer {
  return Buffer.from(payloadOf({ type: "cosign container image signature", optional: null, ...options }));
}

export function cosignSignature(payload: Buffer, key: KeyObject): string {
  return sign("sha256", payload, key).toString("base64");
}

/** What cosign puts under `sha256-HEX.sig`: a layer for each signature. */
export function cosignManifest(
  signatures: readonly { payload: Buffer; annotations: Record<string, string> }[],
  more: object = {},
): TestContent {
  const config = Buffer.from("{}");
  const describe = (bytes: Buffer, mediaType: string): ReturnType<typeof makeContent>["descriptor"] =>
    makeContent(bytes, mediaType).descriptor;
  const content = makeContent(
    {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: describe(config, "application/vnd.oci.image.config.v1+json"),
      layers: signatures.map(({ payload, annotations }) => ({
        ...describe(payload, "application/vnd.dev.cosign.simplesigning.v1+json"),
        annotations,
      })),
      ...more,
    },
    "application/vnd.oci.image.manifest.v1+json",
  );
  content.blobs.set(describe(config, "x").digest, config);
  for (const { payload } of signatures) content.blobs.set(describe(payload, "x").digest, payload);
  return content;
}

/** As `cosign generate-key-pair` writes a private key. */
export function encryptedKey({ key }: SigstoreKey, passphrase: string): string {
  const salt = Buffer.alloc(32, 1);
  const nonce = Buffer.alloc(24, 2);
  const params = { N: 32768, r: 8, p: 1 };
  const secret = scryptSync(passphrase, salt, 32, { ...params, maxmem: 64 * 1024 * 1024 });
  const box = xsalsa20poly1305(new Uint8Array(secret), new Uint8Array(nonce));
  const ciphertext = Buffer.from(box.encrypt(new Uint8Array(key.export({ type: "pkcs8", format: "der" }))));
  const json = JSON.stringify({
    kdf: { name: "scrypt", params, salt: salt.toString("base64") },
    cipher: { name: "nacl/secretbox", nonce: nonce.toString("base64") },
    ciphertext: ciphertext.toString("base64"),
  });
  const body = Buffer.from(json)
    .toString("base64")
    .replace(/(.{64})/g, "$1\n");
  return `-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n${body}\n-----END ENCRYPTED COSIGN PRIVATE KEY-----\n`;
}
