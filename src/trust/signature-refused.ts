import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";

/** Why one signature does not count. */
export function signatureRefused(reason: string, cause?: unknown): Failure {
  return new Failure("SIGNATURE_INVALID", printable(reason, 400), cause === undefined ? {} : { cause });
}
