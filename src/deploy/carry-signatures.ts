import { Failure } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference } from "../oci/reference.ts";
import type { Signature } from "../oci/signature.ts";
import type { Destination } from "../transport/destination.ts";
import type { Source, SourceManifest } from "../transport/source.ts";
import type { Signing } from "./copy.ts";
import { identityOf } from "./sign.ts";
import { openSigner } from "./signer.ts";

/**
 * Which signatures go with a copy: those that the image has, unless they are to be left out, and a new one where a key is named.
 * USAGE, UNSUPPORTED when the destination has no place for them.
 */
export async function carrySignatures(
  { source, target }: { source: Source; target: Destination },
  request: Signing,
): Promise<(from: SourceManifest, made: Digest) => Promise<readonly Signature[]>> {
  const { signBy, keyFile, removeSignatures = false } = request;
  const signer = signBy === undefined && keyFile === undefined ? undefined : await openSigner(request);
  if (signer !== undefined && target.putSignatures === undefined)
    throw new Failure("UNSUPPORTED", `${target.reference.transport}: has no place for signatures`, {
      hint: "Copy to a registry or to dir:, or leave out the key.",
    });
  const identity = signer && (request.identity ?? identityOf(target.reference));
  return async ({ digest }, made) => {
    const own = removeSignatures ? [] : ((await source.signatures?.(digest)) ?? []);
    if (own.length > 0 && made !== digest)
      throw new Failure(
        "UNSUPPORTED",
        `${formatReference(source.reference)} is signed, and its conversion would make the signatures void`,
        { hint: "--remove-signatures leaves them out." },
      );
    return signer === undefined ? own : [...own, await signer.sign(identity ?? "", made)];
  };
}
