/** signedBy: simple signing with OpenPGP keys. */
import { printable } from "../oci/printable.ts";
import type { Signature } from "../oci/signature.ts";
import { readSources } from "./key-files.ts";
import { parsePayload } from "./payload.ts";
import type { Requirement } from "./requirement.ts";
import { signatureRefused } from "./signature-refused.ts";
import { checkSigned } from "./signed.ts";
import type { Accepted, Subject } from "./verdict.ts";

/** The first signature that meets the requirement; all reasons otherwise. SIGNATURE_INVALID. */
export async function checkSignedBy({ fields }: Requirement, subject: Subject): Promise<Accepted> {
  if (fields["keyType"] !== "GPGKeys")
    throw signatureRefused(`Unimplemented "keyType" value ${JSON.stringify(fields["keyType"])}`);
  const { readKeyring, verifyOpenPgp } = await import("./openpgp.ts");
  const files = await readSources(fields, ["keyPath", "keyPaths", "keyData"], subject.root ?? "/");
  const keys = await readKeyring(files);
  const signatures = await subject.signatures();
  return await firstAccepted(
    signatures.filter(({ kind }) => kind === "simple"),
    async (signature) => {
      if (signature.kind !== "simple") throw new Error("not a simple signature");
      const { content, fingerprint, users, signed } = await verifyOpenPgp(signature.bytes, keys);
      const payload = parsePayload(content, "simple");
      checkSigned(payload, fields, subject);
      const { identity, digest } = payload;
      const signer = users[0] === undefined ? undefined : printable(users[0], 200);
      return { type: "signedBy", key: fingerprint, signer, identity, digest, signed };
    },
  );
}

/** SIGNATURE_INVALID with the reason of each, as containers/image words it. */
export async function firstAccepted(
  signatures: readonly Signature[],
  check: (signature: Signature) => Promise<Accepted>,
): Promise<Accepted> {
  const reasons: string[] = [];
  for (const signature of signatures) {
    try {
      return await check(signature);
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  if (reasons.length === 0) throw signatureRefused("A signature was required, but no signature exists");
  const [only = ""] = reasons;
  throw signatureRefused(
    reasons.length === 1 ? only : `None of the signatures were accepted, reasons: ${reasons.join("; ")}`,
  );
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === "SIGNATURE_INVALID") return error.message;
  throw error;
}
