/** sign: a signature of an image, put where those who pull it look for it. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Digest } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import { formatReference, type Reference, type RegistryReference } from "../oci/reference.ts";
import type { Signature } from "../oci/signature.ts";
import type { Source } from "../transport/source.ts";
import type { Fetching } from "./fetching.ts";
import { openSigner, type SigningKey } from "./signer.ts";

export interface SignRequest extends Fetching, SigningKey {
  /** In a registry, or a `dir:` image. */
  image: string;
  /** The name that the signature is for; default: the image's. */
  identity?: string | undefined;
  /** A lookaside directory, or the URL of a server; default: what registries.d names. */
  directory?: string | undefined;
}

export interface SignedImage {
  image: string;
  identity: string;
  /** One for the image, or for an index and each of its images. */
  signatures: { digest: string; place: string }[];
}

/** @throws Failure USAGE, SIGNATURE_INVALID, IMAGE_UNKNOWN, DENIED */
export async function sign(host: Host, request: SignRequest): Promise<SignedImage> {
  const signer = await openSigner(request);
  const { source, digests } = await openSigned(host, request);
  try {
    const { reference } = source;
    const identity = request.identity ?? identityOf(reference);
    await using place = await openPlace(host, reference, request);
    const signed: SignedImage = { image: formatReference(reference), identity, signatures: [] };
    for (const digest of digests) {
      host.checkInterrupted();
      const signature = await signer.sign(identity, digest);
      signed.signatures.push({ digest, place: await place.add(digest, signature) });
    }
    return signed;
  } finally {
    await source.close();
  }
}

/** The name that an image's signature is for, where none is given. USAGE when it has none. */
export function identityOf(reference: Reference): string {
  if (reference.transport === "docker" && reference.tag !== undefined) {
    const { registry, repository, tag } = reference;
    return formatReference({ transport: "docker", registry, repository, tag });
  }
  throw new Failure("USAGE", `${formatReference(reference)} has no tag that a signature could be for`, {
    hint: "--identity REGISTRY/REPOSITORY:TAG says what is signed.",
  });
}

async function openSigned(
  host: Host,
  { image, ...fetching }: SignRequest,
): Promise<{ source: Source; digests: Digest[] }> {
  const { candidatesOf } = await import("../transport/source.ts");
  const candidates = await candidatesOf(image, host.config.root);
  for (const [at, reference] of candidates.entries()) {
    const source = await host.source(reference, fetching);
    try {
      return { source, digests: await digestsOf(source) };
    } catch (error) {
      await source.close();
      if (!isFailure(error, "IMAGE_UNKNOWN") || at === candidates.length - 1) throw error;
    }
  }
  throw new Error(`nothing was tried for ${image}`);
}

/** What a pull may end at: whichever platform it is for. */
async function digestsOf(source: Source): Promise<Digest[]> {
  const { bytes, mediaType, digest } = await source.manifest();
  const manifest = parseManifest(bytes, mediaType);
  if (manifest.kind === "manifest") return [digest];
  return [digest, ...new Set(manifest.manifests.map((entry) => entry.digest))];
}

interface Place extends AsyncDisposable {
  add(digest: Digest, signature: Signature): Promise<string>;
}

async function openPlace(host: Host, reference: Reference, request: SignRequest): Promise<Place> {
  if (reference.transport === "dir") {
    const { addDirectorySignature } = await import("../transport/directory-signatures.ts");
    return {
      add: (digest, signature) => addDirectorySignature(reference.path, digest, signature),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  if (reference.transport === "docker") return await openRegistryPlace(host, reference, request);
  throw new Failure("UNSUPPORTED", `${reference.transport}: has no place for signatures`, {
    hint: "Push the image to a registry, and sign it there.",
  });
}

async function openRegistryPlace(
  { config: { root }, signal, report }: Host,
  reference: RegistryReference,
  { directory, authFile, tlsVerify }: SignRequest,
): Promise<Place> {
  const { Registry } = await import("../registry/open-registry.ts");
  const { writeSignature } = await import("../registry/image-signatures.ts");
  const access = { root, signal, report, authFile, tlsVerify };
  const client = await Registry.open(reference, access);
  const base = directory === undefined ? undefined : baseOf(directory);
  return {
    add: (digest, signature) => writeSignature({ reference, client, access }, { digest, signature, base }),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

function baseOf(directory: string): string {
  return /^(?:https?|file):\/\//.test(directory) ? directory : pathToFileURL(resolve(directory)).href;
}
