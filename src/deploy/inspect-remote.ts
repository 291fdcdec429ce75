/** inspect --remote: what an image is and what a pull of it would cost, from its manifest and config alone. */
import { existsSync } from "node:fs";
import type { Host } from "../host.ts";
import type { Digest } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { parsePlatform } from "../oci/platform.ts";
import { formatReference } from "../oci/reference.ts";
import { type DescribedExports, describeExports } from "./describe-exports.ts";
import type { Exports } from "./exports.ts";
import type { Fetching } from "./fetching.ts";
import { openRemote } from "./open-image.ts";

export interface RemoteRequest extends Fetching {
  image: string;
  /** `os/arch[/variant]` */
  platform?: string | undefined;
}

export interface RemoteImage {
  kind: "remote";
  name: string;
  /** Of the image's manifest. */
  digest: string;
  /** Of the index that led to it, where there is one. */
  index?: string;
  mediaType: string;
  config: ImageConfig;
  /** `here`: the store has the files of this layer. */
  layers: { digest: string; mediaType: string; size: number; here: boolean }[];
  /** Of an image in the /exports format whose layers are all here: only their files tell. */
  exports?: DescribedExports;
  /** Bytes as transferred: of all layers, and of those that a pull would fetch. */
  size: number;
  download: number;
}

export async function inspectRemote(host: Host, request: RemoteRequest): Promise<RemoteImage> {
  const { resolveImage } = await import("../transport/resolve-image.ts");
  const source = await openRemote(host, request.image, request);
  try {
    const { platform } = request;
    const image = await resolveImage(
      source,
      platform === undefined ? {} : { platform: parsePlatform(platform) },
    );
    const { layer } = (await host.store()).layout;
    const layers = image.manifest.layers.map(({ digest, mediaType, size }, at) => {
      const here = existsSync(layer(image.config.diffIds[at] as Digest));
      return { digest, mediaType, size, here };
    });
    const exports = layers.every(({ here }) => here)
      ? await exportsOf(host, image.config, formatReference(source.reference))
      : undefined;
    const total = (some: typeof layers): number => some.reduce((sum, { size }) => sum + size, 0);
    return {
      kind: "remote",
      name: formatReference(source.reference),
      digest: image.digest,
      ...(image.namedDigest === image.digest ? {} : { index: image.namedDigest }),
      mediaType: image.manifest.mediaType,
      config: image.config,
      layers,
      ...(exports === undefined ? {} : { exports: describeExports(exports) }),
      size: total(layers),
      download: total(layers.filter(({ here }) => !here)),
    };
  } finally {
    await source.close();
  }
}

async function exportsOf(host: Host, config: ImageConfig, image: string): Promise<Exports | undefined> {
  const { readExports } = await import("./read-exports.ts");
  const store = await host.store();
  return readExports(store, await store.tree({ config }), { image });
}

/** A document of an image, byte for byte. */
export interface RawDocument {
  kind: "raw";
  digest: string;
  text: string;
}

/** The manifest (or index) that a name leads to, or the config of the image for the platform, as it is. */
export async function rawDocument(
  host: Host,
  { what, remote, ...request }: RemoteRequest & { what: "manifest" | "config"; remote: boolean },
): Promise<RawDocument> {
  const { sha256 } = await import("../oci/digest.ts");
  const bytes = remote ? await readRemote(host, request, what) : await readStored(host, request.image, what);
  return { kind: "raw", digest: sha256(bytes), text: bytes.toString() };
}

async function readRemote(host: Host, request: RemoteRequest, what: "manifest" | "config"): Promise<Buffer> {
  const source = await openRemote(host, request.image, request);
  try {
    if (what === "manifest") return (await source.manifest()).bytes;
    const { resolveImage } = await import("../transport/resolve-image.ts");
    const { platform } = request;
    return (await resolveImage(source, platform === undefined ? {} : { platform: parsePlatform(platform) }))
      .configBytes;
  } finally {
    await source.close();
  }
}

async function readStored(host: Host, typed: string, what: "manifest" | "config"): Promise<Buffer> {
  const { requireImage } = await import("./images.ts");
  const { image } = await requireImage(host, typed);
  return what === "manifest" ? image.manifestBytes : image.configBytes;
}
