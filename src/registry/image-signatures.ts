import { Failure } from "../errors.ts";
import type { Event } from "../events.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference } from "../oci/reference.ts";
import type { RegistryReference } from "../oci/registry-reference.ts";
import { MAX_SIGNATURES, type Signature } from "../oci/signature.ts";
import { readAttachments, writeAttachment } from "./attachments.ts";
import type { RegistryClient } from "./client.ts";
import { loadRegistriesD } from "./load-registries-d.ts";
import { Lookaside } from "./lookaside.ts";
import { type AccessOptions, connectionOf } from "./open-client.ts";
import { usesAttachments } from "./registries-d.ts";

/** Where the signatures of an image are: its repository at a registry, and what registries.d says of it. */
export interface SignaturePlace {
  reference: RegistryReference;
  client: RegistryClient;
  access: AccessOptions;
}

/**
 * All signatures of the image with this digest: what the registry keeps, or else what its lookaside server does, and cosign's
 * where registries.d has `use-sigstore-attachments`. None of them is verified. SIGNATURE_INVALID, CONFIG_INVALID, REGISTRY_UNREACHABLE.
 */
export async function readSignatures(
  { reference, client, access }: SignaturePlace,
  digest: Digest,
): Promise<Signature[]> {
  const conf = await loadRegistriesD(access.root);
  const found: Signature[] = [];
  if (await client.supportsSignatures()) found.push(...(await client.signatures(digest)));
  else {
    const lookaside = Lookaside.of(conf, reference, {
      write: false,
      ...(await lookasideAccess(reference, access)),
    });
    found.push(...(await lookaside.read(digest)));
  }
  if (usesAttachments(conf, reference)) {
    const { signatures, bundles } = await readAttachments(client, digest);
    found.push(...signatures);
    if (found.length === 0 && bundles > 0) access.report?.(ofBundles(reference, bundles));
  }
  if (found.length > MAX_SIGNATURES)
    throw new Failure(
      "SIGNATURE_INVALID",
      `${digest} has ${found.length} signatures, more than ${MAX_SIGNATURES}`,
    );
  return found;
}

function ofBundles(reference: RegistryReference, count: number): Event {
  const name = formatReference(reference);
  const what = count === 1 ? "a signature" : `${count} signatures`;
  return {
    type: "warning",
    message: `${name} has ${what} in sigstore's bundle format, which does not count: sign with \`cosign sign --new-bundle-format=false\` or \`berth sign\``,
  };
}

/**
 * Puts a signature where readers look for it; where that is. `base`: a lookaside directory or server other than registries.d's.
 * UNSUPPORTED for a sigstore signature where registries.d does not let attachments be used.
 */
export async function writeSignature(
  { reference, client, access }: SignaturePlace,
  signed: { digest: Digest; signature: Signature; base?: string | undefined },
): Promise<string> {
  const { digest, signature, base } = signed;
  const conf = await loadRegistriesD(access.root);
  if (signature.kind === "sigstore" && base === undefined) {
    const tag = await writeAttachment(client, digest, signature);
    return `${reference.registry}/${reference.repository}:${tag}`;
  }
  if (base === undefined && (await client.supportsSignatures()))
    return await client.putSignature(digest, signature);
  const options = await lookasideAccess(reference, access);
  const lookaside =
    base === undefined
      ? Lookaside.of(conf, reference, { write: true, ...options })
      : new Lookaside(new URL(base), reference.repository, options);
  return await lookaside.add(digest, signature);
}

/** A server of signatures need not be trusted: what it sends proves itself. */
async function lookasideAccess(
  { registry }: RegistryReference,
  { root, signal, report, retryMs, tlsVerify }: AccessOptions,
): Promise<Awaited<ReturnType<typeof connectionOf>> & { root?: string | undefined; insecure: boolean }> {
  const insecure = tlsVerify === false;
  return { root, ...(await connectionOf(registry, { root, signal, report, retryMs, insecure })), insecure };
}
