import { Failure } from "../errors.ts";
import { asObject, asString, asStringMap, parseJson } from "./json.ts";

/**
 * A signature of an image, not yet verified: a "simple signing" blob (an OpenPGP message), or what cosign attaches to an image
 * in its registry (a payload, and annotations that hold the signature over it).
 */
export type Signature =
  | { kind: "simple"; bytes: Buffer }
  | { kind: "sigstore"; mimeType: string; payload: Buffer; annotations: Record<string, string> };

export type SigstoreSignature = Extract<Signature, { kind: "sigstore" }>;

/** The type of a layer that holds the payload of cosign's signature. */
export const SIMPLE_SIGNING_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";

/** Most signatures that one image may have, and bytes that one may have; as containers/image. */
export const MAX_SIGNATURES = 128;
export const MAX_SIGNATURE_BYTES: number = 4 * 1024 * 1024;

const SIGSTORE_HEAD = Buffer.from("\0sigstore-json\n");
/** First bytes that an OpenPGP message can have: compressed, marker, one-pass signature, signature. */
const OPENPGP_FIRST = new Set([
  ...[0xa0, 0xa1, 0xa2, 0xa3, 0xc8, 0x90, 0x91, 0x92],
  ...[0xc4, 0x88, 0x89, 0x8a, 0x8b, 0xc2],
]);

/** Those of an encrypted message: a session key, or encrypted data. */
const ENCRYPTED_FIRST = new Set([0x84, 0x85, 0x86, 0xc1, 0x8c, 0x8d, 0x8e, 0xc3, 0xc9, 0xd2, 0xd4]);

/** From the file form that containers/image gives signatures, in lookaside servers and `dir:` images. SIGNATURE_INVALID. */
export function parseSignature(blob: Uint8Array, where: string): Signature {
  const bytes = Buffer.from(blob);
  if (bytes.length > MAX_SIGNATURE_BYTES)
    throw new Failure("SIGNATURE_INVALID", `${where} is larger than ${MAX_SIGNATURE_BYTES} bytes`);
  if (bytes.length === 0) throw new Failure("SIGNATURE_INVALID", `${where} is empty`);
  if (OPENPGP_FIRST.has(bytes[0] ?? 0)) return { kind: "simple", bytes };
  if (bytes.subarray(0, SIGSTORE_HEAD.length).equals(SIGSTORE_HEAD))
    return parseSigstore(bytes.subarray(SIGSTORE_HEAD.length), where);
  const what = ENCRYPTED_FIRST.has(bytes[0] ?? 0)
    ? "is encrypted, as no signature is"
    : "is no signature of a kind that is known";
  throw new Failure("SIGNATURE_INVALID", `${where} ${what}`);
}

/** The inverse of parseSignature. */
export function formatSignature(signature: Signature): Buffer {
  if (signature.kind === "simple") return signature.bytes;
  const { mimeType, payload, annotations } = signature;
  const json = JSON.stringify({ mimeType, payload: payload.toString("base64"), annotations });
  return Buffer.concat([SIGSTORE_HEAD, Buffer.from(json)]);
}

function parseSigstore(json: Uint8Array, where: string): Signature {
  const body = asObject(parseJson(json, where, { code: "SIGNATURE_INVALID" }), where, "SIGNATURE_INVALID");
  return {
    kind: "sigstore",
    mimeType: asString(body["mimeType"], `${where}: mimeType`),
    payload: Buffer.from(asString(body["payload"], `${where}: payload`), "base64"),
    annotations: asStringMap(body["annotations"], `${where}: annotations`),
  };
}
