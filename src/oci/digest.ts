import { createHash } from "node:crypto";
import { Failure } from "../errors.ts";
import { printable } from "./printable.ts";

/** A content address of the OCI image-spec: algorithm and lower-case hex, of full length. */
export type Digest = `sha256:${string}` | `sha512:${string}`;

/** `text` as a digest, checked before it can reach a path or a URL. `what` names its place. MANIFEST_INVALID. */
export function parseDigest(text: string, what: string): Digest {
  if (isDigest(text)) return text;
  throw new Failure("MANIFEST_INVALID", `${what}: invalid digest "${printable(text, 160)}"`, {
    hint: "A digest is sha256: and 64, or sha512: and 128, lower-case hexadecimal digits.",
  });
}

export function isDigest(text: string): text is Digest {
  return /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text);
}

export function digestHex(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}

export function digestAlgorithm(digest: Digest): "sha256" | "sha512" {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The digest of `bytes` by the algorithm that `like` uses. */
export function digestLike(like: Digest, bytes: Uint8Array): Digest {
  const algorithm = digestAlgorithm(like);
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}
