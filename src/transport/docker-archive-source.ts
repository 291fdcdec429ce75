import { Failure } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestLike, sha256 } from "../oci/digest.ts";
import { type ImageConfig, parseImageConfig } from "../oci/image-config.ts";
import { DOCKER_MANIFEST } from "../oci/media-types.ts";
import { printable } from "../oci/printable.ts";
import { type DockerArchiveReference, formatReference, type Reference } from "../oci/reference.ts";
import { verifyStream } from "../oci/verified-stream.ts";
import {
  type ArchivedImage,
  findArchived,
  makeDockerManifest,
  parseDockerManifest,
} from "./docker-manifest.ts";
import type { Source, SourceManifest, SourceOptions } from "./source.ts";
import { Spool } from "./spool.ts";
import { TarFile } from "./tar-file.ts";
import type { Member } from "./tar-index.ts";

const MANIFEST_LIMIT = 1024 * 1024;

interface Opened {
  tar: TarFile;
  manifest: SourceManifest;
  config: { digest: Digest; bytes: Buffer };
  layers: Map<Digest, Layer>;
}

/** A layer as the archive has it; `unpacked` when it was compressed there. */
interface Layer {
  member: Member;
  unpacked?: Spool;
}

/**
 * An image in the archive that `docker save` writes. It keeps no manifest, so one is made, whose layers are the uncompressed ones of the
 * config's diffIDs.
 */
export class DockerArchiveSource implements Source {
  readonly reference: Reference;
  readonly madeManifest = true;
  readonly #archived: DockerArchiveReference;
  readonly #openTar: () => Promise<TarFile>;
  readonly #signal: AbortSignal | undefined;
  #opened: Promise<Opened> | undefined;

  /** `openTar` says where the archive comes from, when it is not the file of the reference. */
  constructor(
    reference: DockerArchiveReference,
    {
      signal,
      as = reference,
      openTar = () => TarFile.open(reference.path),
    }: SourceOptions & { as?: Reference; openTar?: () => Promise<TarFile> } = {},
  ) {
    this.reference = as;
    this.#archived = reference;
    this.#openTar = openTar;
    this.#signal = signal;
  }

  async manifest(digest?: Digest): Promise<SourceManifest> {
    const { manifest } = await this.#open();
    if (digest === undefined || digestLike(digest, manifest.bytes) === digest) return manifest;
    throw new Failure("IMAGE_UNKNOWN", `${formatReference(this.reference)} has no manifest ${digest}`);
  }

  blob({ digest, size }: Descriptor): AsyncIterable<Uint8Array> {
    return verifyStream(this.#bytes(digest), { digest, size, what: `blob ${digest}` });
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    for (const { unpacked } of opened?.layers.values() ?? []) unpacked?.close();
    await opened?.tar.close();
  }

  async *#bytes(digest: Digest): AsyncGenerator<Uint8Array> {
    const { tar, config, layers } = await this.#open();
    if (digest === config.digest) {
      yield config.bytes;
      return;
    }
    const layer = layers.get(digest);
    if (layer === undefined)
      throw new Failure("BLOB_UNKNOWN", `${printable(tar.path)} has no blob ${digest}`);
    for await (const chunk of layer.unpacked?.read() ?? tar.read(layer.member)) {
      if (this.#signal?.aborted === true)
        throw new Failure("INTERRUPTED", "interrupted", { cause: this.#signal.reason });
      yield chunk;
    }
  }

  #open(): Promise<Opened> {
    this.#opened ??= this.#read();
    return this.#opened;
  }

  async #read(): Promise<Opened> {
    const tar = await this.#openTar();
    try {
      return { tar, ...(await readImage(tar, this.#archived)) };
    } catch (error) {
      await tar.close();
      throw error;
    }
  }
}

async function readImage(tar: TarFile, reference: DockerArchiveReference): Promise<Omit<Opened, "tar">> {
  const listing = await tar.readSmall("manifest.json", MANIFEST_LIMIT);
  if (listing === undefined)
    throw new Failure(
      "IMAGE_UNKNOWN",
      `${printable(tar.path)} is no docker-archive: it has no manifest.json`,
      {
        hint: "An archive of an OCI image layout is oci-archive:FILE.",
      },
    );
  const image = findArchived(parseDockerManifest(listing), reference);
  const bytes = await tar.readSmall(image.config);
  if (bytes === undefined) throw missing(tar, image.config);
  const layers = await locateLayers(tar, { image, config: parseImageConfig(bytes) });
  const config = { digest: sha256(bytes), bytes };
  const sizes = [...layers.ordered].map((digest) => {
    const { member, unpacked } = layers.byDigest.get(digest) as Layer;
    return { digest, size: unpacked?.size ?? member.size };
  });
  const manifest = makeDockerManifest({ digest: config.digest, size: bytes.length }, sizes);
  return {
    manifest: { bytes: manifest, mediaType: DOCKER_MANIFEST, digest: sha256(manifest) },
    config,
    layers: layers.byDigest,
  };
}

/** Where each layer is; one that some tool has compressed is unpacked first, since only then its size is known. */
async function locateLayers(
  tar: TarFile,
  { image, config }: { image: ArchivedImage; config: ImageConfig },
): Promise<{ ordered: Digest[]; byDigest: Map<Digest, Layer> }> {
  const { diffIds } = config;
  if (diffIds.length !== image.layers.length)
    throw new Failure(
      "MANIFEST_INVALID",
      `manifest.json lists ${image.layers.length} layers, the image config ${diffIds.length} diff_ids`,
    );
  const byDigest = new Map<Digest, Layer>();
  try {
    for (const [at, name] of image.layers.entries()) {
      const diffId = diffIds[at] as Digest;
      if (byDigest.has(diffId)) continue;
      const member = tar.find(name);
      if (member === undefined) throw missing(tar, name);
      byDigest.set(diffId, await layerOf(tar, member));
    }
  } catch (error) {
    for (const { unpacked } of byDigest.values()) unpacked?.close();
    throw error;
  }
  return { ordered: diffIds, byDigest };
}

async function layerOf(tar: TarFile, member: Member): Promise<Layer> {
  const first: Uint8Array[] = [];
  for await (const chunk of tar.read({ offset: member.offset, size: Math.min(member.size, 4) }))
    first.push(chunk);
  const magic = Buffer.concat(first).toString("hex");
  const isCompressed = magic.startsWith("1f8b") || magic === "28b52ffd";
  return isCompressed ? { member, unpacked: await Spool.unpacked(tar.read(member)) } : { member };
}

function missing(tar: TarFile, name: string): Failure {
  return new Failure("BLOB_UNKNOWN", `${printable(tar.path)} has no member ${printable(name)}`, {
    hint: "The archive is incomplete: save the image again.",
  });
}
