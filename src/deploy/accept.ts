/** The policy's word on an image: asked when it is fetched, and again when it is taken from the store. */
import { isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import { formatSignature, parseSignature, type Signature } from "../oci/signature.ts";
import type { NamedImage } from "../store/store.ts";
import type { Source, SourceManifest } from "../transport/source.ts";
import type { Verdict } from "../trust/verdict.ts";
import type { Fetching } from "./fetching.ts";

export interface AcceptedImage extends NamedImage {
  verdict: Verdict;
  /** Of one that is not in this host's store, but ready in another: where that is, and the checkout in it. */
  ready?: { state: string; rootfs: string };
}

/** An image as a source has it, with the signatures that were looked at. */
export interface AcceptedManifest {
  verdict: Verdict;
  signatures: Signature[];
}

/** Before anything is asked for: what no signature could make acceptable. POLICY_REJECTED. */
export async function refuseEarly(host: Host, reference: Reference): Promise<void> {
  const trust = await import("../trust/check-policy.ts");
  trust.refuseEarly(await host.policy(), reference);
}

/** Before the first blob of an image: POLICY_REJECTED, with every reason as a cause. */
export async function acceptManifest(
  host: Host,
  source: Source,
  { bytes, digest }: SourceManifest,
): Promise<AcceptedManifest> {
  let signatures: Signature[] = [];
  const verdict = await ask(host, {
    reference: source.reference,
    manifest: bytes,
    signatures: async () => {
      signatures = (await source.signatures?.(digest)) ?? [];
      return signatures;
    },
  });
  return { verdict, signatures };
}

/** An image of the store, by the signatures that were kept with it and the place it came from. POLICY_REJECTED. */
export async function acceptStored(host: Host, stored: NamedImage): Promise<AcceptedImage> {
  const { image, name, source } = stored;
  const verdict = await ask(host, {
    reference: parseReference(source ?? name),
    manifest: image.manifestBytes,
    signatures: async () =>
      image.signatures.map((blob, at) => parseSignature(blob, `signature ${at + 1} of ${name} in the store`)),
  });
  return { ...stored, verdict };
}

/**
 * As acceptStored, but signatures that do not suffice are asked for anew where the image came from: one may have been made since.
 * That nobody answers there changes nothing. POLICY_REJECTED.
 */
export async function acceptOrRefresh(
  host: Host,
  stored: NamedImage,
  fetching: Fetching,
): Promise<AcceptedImage> {
  try {
    return await acceptStored(host, stored);
  } catch (error) {
    if (!isFailure(error, "POLICY_REJECTED")) throw error;
    const signatures = await newSignatures(host, stored, fetching);
    if (signatures.length === 0) throw error;
    const { image, name, source } = stored;
    const refreshed = { ...stored, image: { ...image, signatures: [...signatures, ...image.signatures] } };
    const accepted = await acceptStored(host, refreshed);
    await (await host.writableStore()).name(name, { ...refreshed, image: { ...image, signatures }, source });
    return accepted;
  }
}

/** Those that the store lacks; none where the policy needs none, or the place cannot be asked. */
async function newSignatures(
  host: Host,
  { image, name, source: from }: NamedImage,
  fetching: Fetching,
): Promise<Buffer[]> {
  const { needsSignatures } = await import("../trust/check-policy.ts");
  const reference = parseReference(from ?? name);
  if (!needsSignatures(await host.policy(), reference)) return [];
  try {
    const source = await host.source(reference, fetching);
    try {
      await source.manifest(image.digest); // from the place that has it
      const found = ((await source.signatures?.(image.digest)) ?? []).map(formatSignature);
      return found.filter((blob) => !image.signatures.some((other) => other.equals(blob)));
    } finally {
      await source.close();
    }
  } catch (error) {
    if (!isFailure(error) || error.code === "INTERRUPTED") throw error;
    return [];
  }
}

const told = new WeakSet<Host>();

async function ask(
  host: Host,
  subject: { reference: Reference; manifest: Uint8Array; signatures(): Promise<Signature[]> },
): Promise<Verdict> {
  const { checkPolicy } = await import("../trust/check-policy.ts");
  const policy = await host.policy();
  if (policy === undefined && !told.has(host)) {
    told.add(host);
    const message =
      "this host has no policy.json, so every image is accepted; `berth trust default reject` changes that, `berth trust add` names whom to trust";
    host.report({ type: "warning", message });
  }
  return await checkPolicy(policy, { ...subject, root: host.config.root });
}
