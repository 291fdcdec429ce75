import { causesOf, Failure, isFailure } from "../errors.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import type { Signature } from "../oci/signature.ts";
import type { Policy } from "./policy.ts";
import type { Requirement } from "./requirement.ts";
import { requirementsFor } from "./scopes.ts";
import type { Accepted, Subject, Verdict } from "./verdict.ts";

/** Throws POLICY_REJECTED for what no signature could make acceptable: before anything is asked for. */
export function refuseEarly(policy: Policy | undefined, reference: Reference): void {
  if (policy === undefined) return;
  const { scope, requirements } = requirementsFor(policy, reference);
  const name = formatReference(reference);
  if (requirements.some(({ type }) => type === "reject"))
    throw new Failure(
      "POLICY_REJECTED",
      `Running image ${name} is rejected by policy: ${scope} requires reject.`,
      { hint: "`berth trust show` lists the policy, `berth trust add` changes it." },
    );
  if (requirements.some(({ type }) => type === "signedBaseLayer"))
    throw new Failure("POLICY_REJECTED", `${name} is rejected by policy: ${scope} requires signedBaseLayer`, {
      hint: "No program implements signedBaseLayer: require signedBy or sigstoreSigned.",
    });
}

/**
 * Whether every requirement that the policy has for an image accepts it; without a policy everything is accepted.
 * POLICY_REJECTED with the reasons as causes.
 */
export async function checkPolicy(policy: Policy | undefined, subject: Subject): Promise<Verdict> {
  const checked = new Date().toISOString();
  if (policy === undefined) return { scope: "no policy", requirements: [], checked };
  refuseEarly(policy, subject.reference);
  const { scope, requirements } = requirementsFor(policy, subject.reference);
  let fetched: Promise<Signature[]> | undefined;
  const signatures = (): Promise<Signature[]> => {
    fetched ??= subject.signatures();
    return fetched;
  };
  const accepted: Accepted[] = [];
  for (const requirement of requirements)
    accepted.push(await checkRequirement(requirement, { ...subject, signatures }, scope));
  return { scope, requirements: accepted, checked };
}

/** Whether a policy needs to see the signatures of an image. */
export function needsSignatures(policy: Policy | undefined, reference: Reference): boolean {
  if (policy === undefined) return false;
  return requirementsFor(policy, reference).requirements.some(({ type }) => type.includes("igned"));
}

async function checkRequirement(
  requirement: Requirement,
  subject: Subject,
  scope: string,
): Promise<Accepted> {
  try {
    return await acceptedBy(requirement, subject);
  } catch (error) {
    if (!isFailure(error, "SIGNATURE_INVALID")) throw error;
    const name = formatReference(subject.reference);
    const isMissing = error.message.startsWith("A signature was required, but no signature exists");
    const cause = new Error([error.message, ...causesOf(error)].join(": "));
    throw new Failure(
      "POLICY_REJECTED",
      `${name} is rejected by policy: ${scope} requires ${requirement.type}`,
      {
        hint: isMissing
          ? "Where signatures are looked for is in registries.d; `berth trust show` lists it, `berth sign` makes one."
          : "`berth trust show` lists the keys of the policy.",
        cause,
      },
    );
  }
}

async function acceptedBy(requirement: Requirement, subject: Subject): Promise<Accepted> {
  switch (requirement.type) {
    case "insecureAcceptAnything":
      return { type: requirement.type };
    case "signedBy": {
      const { checkSignedBy } = await import("./signed-by.ts");
      return await checkSignedBy(requirement, subject);
    }
    case "sigstoreSigned": {
      const { checkSigstoreSigned } = await import("./sigstore-signed.ts");
      return await checkSigstoreSigned(requirement, subject);
    }
    case "reject":
    case "signedBaseLayer":
      throw new Error(`${requirement.type} is refused early`);
  }
}
