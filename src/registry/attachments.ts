import { Failure, isFailure } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestAlgorithm, digestHex, sha256 } from "../oci/digest.ts";
import { OCI_MANIFEST, parseManifest } from "../oci/manifest.ts";
import {
  MAX_SIGNATURE_BYTES,
  MAX_SIGNATURES,
  SIMPLE_SIGNING_TYPE,
  type Signature,
  type SigstoreSignature,
} from "../oci/signature.ts";
import { verifyStream } from "../oci/verified-stream.ts";
import type { RegistryClient } from "./client.ts";

/** What cosign's OCI 1.1 mode calls its signatures among the referrers of an image. */
const REFERRER_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json";
/** sigstore's newer format, for signatures and attestations alike: the annotation says which. */
const BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PREDICATE = "dev.sigstore.bundle.predicateType";
const SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";

export interface Attachments {
  signatures: Signature[];
  /** How many signatures there are in the format of bundles, which hold no name and which no policy.json speaks of. */
  bundles: number;
}

/** cosign's signatures of an image: those under its tag, `sha256-HEX.sig`, then those among the image's referrers. */
export async function readAttachments(client: RegistryClient, digest: Digest): Promise<Attachments> {
  const signatures = await readManifest(client, attachmentTag(digest));
  const referrers = await client.referrers(digest);
  const own = referrers.filter(({ artifactType }) => artifactType === REFERRER_TYPE);
  if (own.length > MAX_SIGNATURES) throw tooMany(`${digest}, by its referrers,`, own.length);
  for (const referrer of own) signatures.push(...(await readManifest(client, referrer.digest)));
  return { signatures, bundles: referrers.filter(isSignatureBundle).length };
}

/** A registry without the referrers API may have lost the annotation. */
function isSignatureBundle({ artifactType, annotations = {} }: Descriptor): boolean {
  return artifactType === BUNDLE_TYPE && [undefined, SIGN_PREDICATE].includes(annotations[PREDICATE]);
}

function tooMany(what: string, count: number): Failure {
  return new Failure("SIGNATURE_INVALID", `${what} has ${count} signatures, more than ${MAX_SIGNATURES}`);
}

/** Adds one to those under the image's tag. */
export async function writeAttachment(
  client: RegistryClient,
  digest: Digest,
  { mimeType, payload, annotations }: SigstoreSignature,
): Promise<string> {
  const tag = attachmentTag(digest);
  const present = await manifestAt(client, tag);
  const layer: Descriptor = {
    mediaType: mimeType,
    digest: sha256(payload),
    size: payload.length,
    annotations,
  };
  const layers = [...(present?.layers ?? []).filter((other) => !sameLayer(other, layer)), layer];
  const config = Buffer.from(
    JSON.stringify({
      architecture: "",
      os: "",
      config: {},
      rootfs: { type: "layers", diff_ids: layers.map((each) => each.digest) },
      history: layers.map(() => ({})),
    }),
  );
  const configDescriptor = { mediaType: CONFIG_TYPE, digest: sha256(config), size: config.length };
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: configDescriptor, layers }),
  );
  await put(client, layer, payload);
  await put(client, configDescriptor, config);
  await client.putManifest(manifest, { mediaType: OCI_MANIFEST, digest: sha256(manifest), tag });
  return tag;
}

function sameLayer(one: Descriptor, other: Descriptor): boolean {
  return one.digest === other.digest && JSON.stringify(one.annotations) === JSON.stringify(other.annotations);
}

async function put(client: RegistryClient, descriptor: Descriptor, bytes: Buffer): Promise<void> {
  if (await client.hasBlob(descriptor.digest)) return;
  await client.putBlob(
    descriptor,
    (async function* () {
      yield bytes;
    })(),
  );
}

async function readManifest(client: RegistryClient, at: string): Promise<Signature[]> {
  const manifest = await manifestAt(client, at);
  if (manifest === undefined) return [];
  if (manifest.layers.length > MAX_SIGNATURES) throw tooMany(at, manifest.layers.length);
  const found: Signature[] = [];
  for (const layer of manifest.layers) {
    const { mediaType, annotations = {} } = layer;
    if (mediaType !== SIMPLE_SIGNING_TYPE) continue;
    found.push({
      kind: "sigstore",
      mimeType: mediaType,
      payload: await payloadOf(client, layer),
      annotations,
    });
  }
  return found;
}

async function manifestAt(client: RegistryClient, at: string): Promise<{ layers: Descriptor[] } | undefined> {
  try {
    const { bytes, mediaType } = await client.manifest(at);
    const manifest = parseManifest(bytes, mediaType);
    if (manifest.kind === "manifest") return manifest;
    throw new Failure("SIGNATURE_INVALID", `${at} is an index, not a list of signatures`);
  } catch (error) {
    if (isFailure(error, "IMAGE_UNKNOWN")) return undefined;
    throw error;
  }
}

async function payloadOf(client: RegistryClient, { digest, size }: Descriptor): Promise<Buffer> {
  if (size > MAX_SIGNATURE_BYTES)
    throw new Failure("SIGNATURE_INVALID", `a signature has ${size} bytes, more than ${MAX_SIGNATURE_BYTES}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of verifyStream(client.blob(digest), { digest, size, what: `signature ${digest}` }))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** cosign's name for the signatures of an image. */
export function attachmentTag(digest: Digest): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest)}.sig`;
}
