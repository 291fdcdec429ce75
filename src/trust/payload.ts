import { isFailure } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { asObject, parseJson } from "../oci/json.ts";
import { signatureRefused } from "./signature-refused.ts";

/** What a signature says: this identity is the image with this manifest. */
export interface Payload {
  /** `docker-reference` */
  identity: string;
  digest: Digest;
  creator?: string | undefined;
  /** Seconds since 1970. */
  timestamp?: number | undefined;
}

const TYPES = {
  simple: "atomic container signature",
  sigstore: "cosign container image signature",
} as const;

/**
 * Of bytes whose signature is verified. `critical` has exactly the members of the format (container-signature(5)), and no key
 * twice; what else is under `optional` is others' business. SIGNATURE_INVALID.
 */
export function parsePayload(bytes: Uint8Array, kind: "simple" | "sigstore"): Payload {
  const body = members(parse(bytes), "payload", ["critical", "optional"]);
  const critical = exactly(body["critical"], "critical", ["type", "image", "identity"]);
  // What cosign signs does not have to say who it was for.
  if (critical["type"] !== TYPES[kind])
    throw signatureRefused(`Unrecognized signature type ${JSON.stringify(critical["type"])}`);
  const image = exactly(critical["image"], "critical.image", ["docker-manifest-digest"]);
  const identity = exactly(critical["identity"], "critical.identity", ["docker-reference"]);
  const digest = text(image["docker-manifest-digest"], "docker-manifest-digest");
  if (!isDigest(digest))
    throw signatureRefused(`the signature's digest ${JSON.stringify(digest)} is not one`);
  const { creator, timestamp } = optionalOf(body["optional"]);
  return { identity: text(identity["docker-reference"], "docker-reference"), digest, creator, timestamp };
}

/** The JSON that is signed, as containers/image writes it. */
export function formatPayload(payload: Payload, kind: "simple" | "sigstore"): Buffer {
  const { identity, digest, creator, timestamp } = payload;
  return Buffer.from(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": identity },
        image: { "docker-manifest-digest": digest },
        type: TYPES[kind],
      },
      optional: {
        ...(creator === undefined ? {} : { creator }),
        ...(timestamp === undefined ? {} : { timestamp }),
      },
    }),
  );
}

function optionalOf(value: unknown): Pick<Payload, "creator" | "timestamp"> {
  if (value === null || value === undefined) return {};
  const { creator, timestamp } = object(value, "optional");
  if (creator !== undefined && creator !== null && typeof creator !== "string")
    throw signatureRefused("the signature's creator is not text");
  if (timestamp !== undefined && timestamp !== null && !Number.isSafeInteger(timestamp))
    throw signatureRefused("the signature's timestamp is not a whole number");
  return {
    ...(typeof creator === "string" ? { creator } : {}),
    ...(typeof timestamp === "number" ? { timestamp } : {}),
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes, "signature", { code: "SIGNATURE_INVALID" });
  } catch (error) {
    if (isFailure(error)) throw signatureRefused(`Invalid signature payload: ${error.message}`);
    throw error;
  }
}

function exactly(value: unknown, what: string, names: readonly string[]): Record<string, unknown> {
  const found = members(value, what, names);
  const missing = names.find((name) => !(name in found));
  if (missing !== undefined) throw signatureRefused(`the signature's ${what} has no ${missing}`);
  return found;
}

function members(value: unknown, what: string, names: readonly string[]): Record<string, unknown> {
  const found = object(value, what);
  const unknown = Object.keys(found).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw signatureRefused(`the signature's ${what} has an unknown member ${unknown}`);
  return found;
}

function object(value: unknown, what: string): Record<string, unknown> {
  try {
    return asObject(value, what, "SIGNATURE_INVALID");
  } catch (error) {
    if (isFailure(error)) throw signatureRefused(`Invalid signature payload: ${error.message}`);
    throw error;
  }
}

function text(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw signatureRefused(`the signature's ${what} is not text`);
}
