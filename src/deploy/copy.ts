/** copy and push: images from one place to another, by way of no store. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Compress } from "../oci/convert-manifest.ts";
import type { ManifestFormat } from "../oci/media-types.ts";
import { parsePlatform } from "../oci/platform.ts";
import { formatReference, parseReference, type Reference } from "../oci/reference.ts";
import type { Source, SourceManifest } from "../transport/source.ts";
import { acceptManifest } from "./accept.ts";
import { carrySignatures } from "./carry-signatures.ts";
import type { Fetching } from "./fetching.ts";
import { requireImage } from "./images.ts";
import { openImage } from "./open-image.ts";
import type { SigningKey } from "./signer.ts";
import { StoredSource } from "./stored-source.ts";

/** How the copy is to be, beyond "as it is". */
export interface Shape {
  /** `os/arch[/variant]` */
  platform?: string | undefined;
  all?: boolean | undefined;
  format?: ManifestFormat | undefined;
  /** `gzip[:N]`, `zstd[:N]` */
  compress?: string | undefined;
}

/** What becomes of the image's signatures: by default those it has go with it. */
export interface Signing extends SigningKey {
  removeSignatures?: boolean | undefined;
  /** The name that a new signature is for; default: the destination's. */
  identity?: string | undefined;
}

export interface CopyRequest extends Fetching, Shape, Signing {
  from: string;
  to: string;
  /** How the registry of one end is reached, where not as the other. */
  source?: Fetching | undefined;
  destination?: Fetching | undefined;
}

export interface PushRequest extends Fetching, Shape, Signing {
  image: string;
  /** Default: the name of the image itself. */
  to?: string | undefined;
  /** Where its blobs are, when not where it was pulled from. */
  from?: string | undefined;
  /** Make new layers from the files of the store. */
  rebuild?: boolean | undefined;
}

export interface CopyResult {
  source: string;
  destination: string;
  digest: string;
  mediaType: string;
  /** The digest before the conversion, where there was one. */
  sourceDigest: string;
  images: number;
  blobs: { copied: number; present: number; bytes: number };
}

export async function copy(host: Host, request: CopyRequest): Promise<CopyResult> {
  const to = parseReference(request.to);
  const source = await openImage(host, request.from, request.source ?? request);
  try {
    return await copyTo(host, source, { ...request, ...request.destination, to });
  } finally {
    await source.close();
  }
}

export async function push(host: Host, request: PushRequest): Promise<CopyResult> {
  const stored = await requireImage(host, request.image);
  const to = parseReference(request.to ?? stored.name);
  if (request.to === undefined && to.transport !== "docker")
    throw new Failure(
      "USAGE",
      `${stored.name} is not the name of an image in a registry: say where to push it`,
      {
        hint: `berth push ${request.image} registry.example.com/NAME:TAG`,
      },
    );
  const source = await openStored(host, request, stored);
  try {
    return await copyTo(host, source, { ...request, to });
  } finally {
    await source.close();
  }
}

async function openStored(
  host: Host,
  request: PushRequest,
  stored: Awaited<ReturnType<typeof requireImage>>,
): Promise<Source> {
  if (request.rebuild !== true) return new StoredSource(host, stored, request);
  const { RebuiltSource } = await import("./rebuilt-source.ts");
  return new RebuiltSource(await host.store(), stored);
}

async function copyTo(
  host: Host,
  source: Source,
  { to, platform, all, format, compress, ...rest }: Fetching & Shape & Signing & { to: Reference },
): Promise<CopyResult> {
  const { copyImage } = await import("../transport/copy-image.ts");
  const [from, destination] = [formatReference(source.reference), formatReference(to)];
  host.report({ type: "step", step: "copy", name: destination });
  const { authFile, tlsVerify } = rest;
  const target = await host.destination(to, { authFile, tlsVerify });
  try {
    const signaturesFor = await carrySignatures({ source, target }, rest);
    const copied = await copyImage(
      { source, destination: target },
      {
        platform: platform === undefined ? undefined : parsePlatform(platform),
        all,
        format,
        compress: compress === undefined ? undefined : parseCompress(compress),
        accept: acceptance(host, source),
        signaturesFor,
        report: host.report,
        signal: host.signal,
      },
    );
    return { source: from, destination, ...copied };
  } finally {
    await target.close();
  }
}

/** An image of the store was accepted when it was pulled. */
function acceptance(host: Host, source: Source): ((image: SourceManifest) => Promise<void>) | undefined {
  if (source instanceof StoredSource) return undefined;
  return async (image) => {
    await acceptManifest(host, source, image);
  };
}

const LEVELS = { gzip: 9, zstd: 22 } as const;

/** `gzip`, `zstd:19`. USAGE. */
export function parseCompress(text: string): Compress {
  const [, algorithm, level] = /^(gzip|zstd)(?::(\d{1,2}))?$/.exec(text) ?? [];
  const name = algorithm as keyof typeof LEVELS | undefined;
  if (name === undefined || (level !== undefined && (Number(level) < 1 || Number(level) > LEVELS[name])))
    throw new Failure("USAGE", `${JSON.stringify(text)} is no compression`, {
      hint: "Write gzip, gzip:1 to gzip:9, zstd, or zstd:1 to zstd:22.",
    });
  return { algorithm: name, ...(level === undefined ? {} : { level: Number(level) }) };
}
