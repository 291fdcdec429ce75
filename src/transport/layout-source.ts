import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import { type Descriptor, descriptorData } from "../oci/descriptor.ts";
import { type Digest, digestAlgorithm, digestHex } from "../oci/digest.ts";
import { asObject, parseJson } from "../oci/json.ts";
import { MANIFEST_TYPES, OCI_INDEX, parseManifest } from "../oci/manifest.ts";
import { printable } from "../oci/printable.ts";
import { formatReference, type LayoutReference } from "../oci/reference.ts";
import { verifyStream } from "../oci/verified-stream.ts";
import { ArchiveFiles, DirectoryFiles, type LayoutFiles } from "./layout-files.ts";
import type { Source, SourceManifest, SourceOptions } from "./source.ts";

const MANIFEST_LIMIT = 4 * 1024 * 1024;
export const REF_NAME = "org.opencontainers.image.ref.name";

/** An image in an OCI image layout (image-spec `image-layout.md`): index.json and blobs/, in a directory or an archive. */
export class LayoutSource implements Source {
  readonly reference: LayoutReference;
  readonly #files: LayoutFiles;
  readonly #signal: AbortSignal | undefined;
  #named: Promise<Descriptor> | undefined;

  constructor(reference: LayoutReference, { signal }: SourceOptions = {}) {
    const { transport, path } = reference;
    this.reference = reference;
    this.#files = transport === "oci" ? new DirectoryFiles(path) : new ArchiveFiles(path);
    this.#signal = signal;
  }

  async manifest(digest?: Digest): Promise<SourceManifest> {
    const named = digest === undefined ? await this.#find() : undefined;
    const wanted = digest ?? named?.digest;
    if (wanted === undefined) throw new Error("no digest to read");
    const bytes = await this.#readWhole(wanted, named?.size);
    return { bytes, mediaType: named?.mediaType, digest: wanted };
  }

  blob(descriptor: Descriptor): AsyncIterable<Uint8Array> {
    const { digest, size } = descriptor;
    return verifyStream(this.#bytes(descriptor), { digest, size, what: `blob ${digest}` });
  }

  async close(): Promise<void> {
    await this.#files.close();
  }

  async *#bytes(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const data = descriptorData(descriptor);
    if (data === undefined) yield* this.#read(descriptor.digest);
    else yield data;
  }

  async #readWhole(digest: Digest, expected: number | undefined): Promise<Buffer> {
    const size = await this.#files.size(blobPath(digest));
    if (size === undefined) throw this.#incomplete(digest);
    if (size > MANIFEST_LIMIT)
      throw new Failure("MANIFEST_INVALID", `manifest ${digest} is larger than ${MANIFEST_LIMIT} bytes`);
    const what = `manifest ${digest}`;
    const chunks: Uint8Array[] = [];
    for await (const chunk of verifyStream(this.#read(digest), { digest, size: expected ?? size, what }))
      chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async *#read(digest: Digest): AsyncGenerator<Uint8Array> {
    const path = blobPath(digest);
    if ((await this.#files.size(path)) === undefined) throw this.#incomplete(digest);
    for await (const chunk of this.#files.read(path)) {
      if (this.#signal?.aborted === true)
        throw new Failure("INTERRUPTED", "interrupted", { cause: this.#signal.reason });
      yield chunk;
    }
  }

  #incomplete(digest: Digest): Failure {
    return new Failure("BLOB_UNKNOWN", `${this.reference.path} has no blob ${digest}`, {
      hint: "The image layout is incomplete: copy it again.",
    });
  }

  #find(): Promise<Descriptor> {
    this.#named ??= findNamed(this.#files, this.reference);
    return this.#named;
  }
}

/** Where a layout has a blob; relative to it. */
export function blobPath(digest: Digest): string {
  return join("blobs", digestAlgorithm(digest), digestHex(digest));
}

/** The images that index.json lists. IMAGE_UNKNOWN when this is no image layout. */
export async function readIndex(files: LayoutFiles, path: string): Promise<Descriptor[]> {
  await checkLayout(files, path);
  const bytes = await files.readSmall("index.json", MANIFEST_LIMIT);
  if (bytes === undefined) throw noLayout(path, "it has no index.json");
  const index = parseManifest(bytes, OCI_INDEX);
  if (index.kind !== "index") throw noLayout(path, "its index.json is not an index");
  return index.manifests.filter(({ mediaType }) => MANIFEST_TYPES.includes(mediaType));
}

/** The name that an entry of index.json has in its layout. */
export function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[REF_NAME];
}

/** The entry of index.json that the reference means: by tag, by place, or the only one. */
async function findNamed(files: LayoutFiles, reference: LayoutReference): Promise<Descriptor> {
  const { transport, path, tag, index } = reference;
  const images = await readIndex(files, path);
  if (index !== undefined) {
    const image = images[index];
    if (image !== undefined) return image;
    throw new Failure("IMAGE_UNKNOWN", `${formatReference(reference)}: no such image; ${listed(images)}`);
  }
  const matching = tag === undefined ? images : images.filter((entry) => nameOf(entry) === tag);
  const [first, second] = matching;
  if (first === undefined)
    throw new Failure("IMAGE_UNKNOWN", `${formatReference(reference)}: no such image; ${listed(images)}`);
  if (second !== undefined && second.digest !== first.digest)
    throw new Failure(
      "NAME_AMBIGUOUS",
      `${formatReference(reference)} may be several images; ${listed(images)}`,
      {
        hint:
          tag === undefined
            ? `Name one: ${transport}:${path}:TAG.`
            : "Two images of the layout have the same name.",
      },
    );
  return first;
}

async function checkLayout(files: LayoutFiles, path: string): Promise<void> {
  const bytes = await files.readSmall("oci-layout", MANIFEST_LIMIT);
  if (bytes === undefined)
    throw noLayout(path, existsSync(path) ? "it has no file oci-layout" : "there is no such directory");
  const { imageLayoutVersion } = asObject(parseJson(bytes, "oci-layout"), "oci-layout");
  if (typeof imageLayoutVersion === "string" && /^1\.\d+\.\d+$/.test(imageLayoutVersion)) return;
  throw noLayout(path, "its imageLayoutVersion is not 1.x");
}

function noLayout(path: string, reason: string): Failure {
  return new Failure("IMAGE_UNKNOWN", `${printable(path)} is not an OCI image layout: ${reason}`, {
    hint: "The path ends at the first colon: oci:DIR:TAG.",
  });
}

function listed(images: Descriptor[]): string {
  const names = images.map((image) => printable(nameOf(image) ?? image.digest, 100));
  return names.length === 0 ? "the layout holds no image" : `the layout holds ${names.join(", ")}`;
}
