import type { Digest } from "../oci/digest.ts";
import type { Reference } from "../oci/reference.ts";
import type { Signature } from "../oci/signature.ts";
import type { RequirementType } from "./requirement.ts";

/** An image that a policy is asked about. */
export interface Subject {
  reference: Reference;
  /** The image's own manifest, byte for byte. */
  manifest: Uint8Array;
  /** Its signatures, asked for once when a requirement needs them. */
  signatures(): Promise<Signature[]>;
  /** Where keys' paths lie; default "/". */
  root?: string | undefined;
}

/** Why an image was accepted: kept in the record of what is made of it. */
export interface Verdict {
  /** The scope whose requirements all accepted it, in words; `no policy` where the host has none. */
  scope: string;
  requirements: Accepted[];
  /** ISO 8601. */
  checked: string;
}

/** A requirement, and what met it. */
export interface Accepted {
  type: RequirementType;
  /** Fingerprint of the key: OpenPGP's own, or the SHA-256 of a sigstore key. */
  key?: string | undefined;
  /** Who the key or the certificate belongs to, by its own word. */
  signer?: string | undefined;
  /** What the signature is for. */
  identity?: string | undefined;
  digest?: Digest | undefined;
  /** When it was signed: ISO 8601, by the signer's own word; where Rekor took it in, by Rekor's. */
  signed?: string | undefined;
}
