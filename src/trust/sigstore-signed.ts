/** sigstoreSigned: cosign's signatures, by keys or by certificates. */
import { SIMPLE_SIGNING_TYPE, type SigstoreSignature } from "../oci/signature.ts";
import {
  checkEmail,
  checkFulcioSubject,
  checkHostname,
  readCertificates,
  readChain,
  readLeaf,
  verifyChain,
} from "./certificate.ts";
import { readSources } from "./key-files.ts";
import { parsePayload } from "./payload.ts";
import { derOf, verifyRekorSet } from "./rekor.ts";
import type { Requirement } from "./requirement.ts";
import { signatureRefused } from "./signature-refused.ts";
import { checkSigned } from "./signed.ts";
import { firstAccepted } from "./signed-by.ts";
import { ANNOTATION, annotationOf, keyName, readPublicKeys, signerOf } from "./sigstore.ts";
import type { Accepted, Subject } from "./verdict.ts";

type Fields = Record<string, unknown>;
type KeyObject = ReturnType<typeof readPublicKeys>[number];

/** By whom a signature is, its mathematics checked and its payload not yet read. */
interface Signer {
  key: KeyObject;
  signer?: string | undefined;
  /** Seconds since 1970, where Rekor says so. */
  time?: number | undefined;
}

const REKOR = ["rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas"];

/** The first signature that meets the requirement; all reasons otherwise. SIGNATURE_INVALID. */
export async function checkSigstoreSigned({ fields }: Requirement, subject: Subject): Promise<Accepted> {
  const signatures = (await subject.signatures()).filter(
    (each) => each.kind === "sigstore" && each.mimeType === SIMPLE_SIGNING_TYPE,
  );
  const root = subject.root ?? "/";
  return await firstAccepted(signatures, async (signature) => {
    if (signature.kind !== "sigstore") throw new Error("not a sigstore signature");
    const { key, signer, time } = await findSigner(signature, fields, root);
    signerOf(signature, [key]);
    const payload = parsePayload(signature.payload, "sigstore");
    checkSigned(payload, fields, subject);
    return {
      type: "sigstoreSigned",
      key: keyName(key),
      signer,
      identity: payload.identity,
      digest: payload.digest,
      signed: isoTime(time ?? payload.timestamp),
    };
  });
}

async function findSigner(signature: SigstoreSignature, fields: Fields, root: string): Promise<Signer> {
  const { fulcio, pki } = fields as { fulcio?: Fields; pki?: Fields };
  const rekor = readPublicKeys(await readSources(fields, REKOR, root));
  if (fulcio !== undefined) return await fulcioSigner(signature, fulcio, { rekor, root });
  if (pki !== undefined) return await pkiSigner(signature, pki, root);
  const keys = readPublicKeys(
    await readSources(fields, ["keyPath", "keyPaths", "keyData", "keyDatas"], root),
  );
  const key = signerOf(signature, keys);
  if (rekor.length === 0) return { key };
  const signedWith = key.export({ type: "spki", format: "der" });
  return { key, time: await verifyRekorSet(signature, { keys: rekor, signedWith }) };
}

/** Fulcio's certificates live for minutes: they count for the time at which Rekor took the signature in. */
async function fulcioSigner(
  signature: SigstoreSignature,
  fulcio: Fields,
  { rekor, root }: { rekor: KeyObject[]; root: string },
): Promise<Signer> {
  annotationOf(signature, "set");
  const pem = annotationOf(signature, "certificate");
  const signedWith = derOf(pem, "the signature's certificate");
  const time = await verifyRekorSet(signature, { keys: rekor, signedWith });
  const leaf = readLeaf(pem);
  const authorities = {
    roots: await certificatesOf(fulcio, ["caPath", "caData"], root),
    intermediates: readChain(signature.annotations[ANNOTATION.chain]),
  };
  const key = verifyChain(leaf, authorities, new Date(time * 1000));
  const subject = { oidcIssuer: String(fulcio["oidcIssuer"]), subjectEmail: String(fulcio["subjectEmail"]) };
  await checkFulcioSubject(leaf, subject);
  return { key, time, signer: subject.subjectEmail };
}

async function pkiSigner(signature: SigstoreSignature, pki: Fields, root: string): Promise<Signer> {
  const leaf = readLeaf(annotationOf(signature, "certificate"));
  const { subjectEmail, subjectHostname } = pki as { subjectEmail?: string; subjectHostname?: string };
  if (subjectEmail !== undefined && subjectEmail !== "") checkEmail(leaf, subjectEmail);
  if (subjectHostname !== undefined && subjectHostname !== "") checkHostname(leaf, subjectHostname);
  const authorities = {
    roots: await certificatesOf(pki, ["caRootsPath", "caRootsData"], root),
    intermediates: [
      ...(await certificatesOf(pki, ["caIntermediatesPath", "caIntermediatesData"], root)),
      ...readChain(signature.annotations[ANNOTATION.chain]),
    ],
  };
  const key = verifyChain(leaf, authorities, new Date());
  return { key, signer: subjectEmail || subjectHostname };
}

async function certificatesOf(
  fields: Fields,
  names: readonly string[],
  root: string,
): Promise<ReturnType<typeof readCertificates>> {
  const files = await readSources(fields, names, root);
  const found = files.flatMap((bytes) => readCertificates(bytes.toString(), names[0] ?? ""));
  if (files.length > 0 && found.length === 0) throw signatureRefused(`${names[0]} holds no certificate`);
  return found;
}

/** Undefined for what is no time that people could mean: it is the signer's word alone. */
function isoTime(seconds: number | undefined): string | undefined {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
