import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";

/** A policy that cannot be understood accepts nothing. */
export function policyInvalid(reason: string): Failure {
  return new Failure("POLICY_REJECTED", `invalid policy: ${printable(reason, 300)}`, {
    hint: "Correct policy.json as in containers-policy.json(5); until then every image is refused.",
  });
}
