import { digestLike } from "../oci/digest.ts";
import type { Payload } from "./payload.ts";
import { signatureRefused } from "./signature-refused.ts";
import { matchesIdentity, type SignedIdentity } from "./signed-identity.ts";
import type { Subject } from "./verdict.ts";

/** That what was signed is this image, under a name that counts for it. SIGNATURE_INVALID. */
export function checkSigned(
  { identity, digest }: Payload,
  fields: Record<string, unknown>,
  { reference, manifest }: Subject,
): void {
  if (!matchesIdentity(fields["signedIdentity"] as SignedIdentity | undefined, reference, identity))
    throw signatureRefused(`Signature for identity "${identity}" is not accepted`);
  if (digestLike(digest, manifest) !== digest)
    throw signatureRefused(`Signature for digest ${digest} does not match`);
}
