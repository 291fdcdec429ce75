import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { type Descriptor, descriptorData } from "../oci/descriptor.ts";
import { type Digest, digestAlgorithm, digestHex } from "../oci/digest.ts";
import { asObject, parseJson } from "../oci/json.ts";
import { MANIFEST_TYPES, OCI_INDEX, parseManifest } from "../oci/manifest.ts";
import { printable } from "../oci/printable.ts";
import { formatReference, type LayoutReference } from "../oci/reference.ts";
import { verifyStream } from "../oci/verified-stream.ts";
import type { Source, SourceManifest, SourceOptions } from "./source.ts";

const MANIFEST_LIMIT = 4 * 1024 * 1024;
const REF_NAME = "org.opencontainers.image.ref.name";

/** An image in an OCI image layout (image-spec `image-layout.md`): a directory with index.json and blobs/. */
export class LayoutSource implements Source {
  readonly reference: LayoutReference;
  readonly #signal: AbortSignal | undefined;
  #named: Promise<Descriptor> | undefined;

  constructor(reference: LayoutReference, { signal }: SourceOptions = {}) {
    this.reference = reference;
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

  close(): Promise<void> {
    return Promise.resolve();
  }

  async *#bytes(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const data = descriptorData(descriptor);
    if (data === undefined) yield* this.#read(descriptor.digest);
    else yield data;
  }

  async #readWhole(digest: Digest, expected: number | undefined): Promise<Buffer> {
    const file = await this.#openBlob(digest);
    const { size } = await file.stat();
    await file.close();
    if (size > MANIFEST_LIMIT)
      throw new Failure("MANIFEST_INVALID", `manifest ${digest} is larger than ${MANIFEST_LIMIT} bytes`);
    const what = `manifest ${digest}`;
    const chunks: Uint8Array[] = [];
    for await (const chunk of verifyStream(this.#read(digest), { digest, size: expected ?? size, what }))
      chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async *#read(digest: Digest): AsyncGenerator<Uint8Array> {
    const file = await this.#openBlob(digest);
    try {
      for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1 << 18 })) {
        if (this.#signal?.aborted === true)
          throw new Failure("INTERRUPTED", "interrupted", { cause: this.#signal.reason });
        yield chunk as Buffer;
      }
    } finally {
      await file.close();
    }
  }

  async #openBlob(digest: Digest): Promise<FileHandle> {
    const path = join(this.reference.path, "blobs", digestAlgorithm(digest), digestHex(digest));
    const file = await openRegular(path);
    if (file !== undefined) return file;
    throw new Failure("BLOB_UNKNOWN", `${this.reference.path} has no blob ${digest}`, {
      hint: "The image layout is incomplete: copy it again.",
    });
  }

  #find(): Promise<Descriptor> {
    this.#named ??= findNamed(this.reference);
    return this.#named;
  }
}

/** The entry of index.json with the tag of the reference; without a tag, the only one. */
async function findNamed(reference: LayoutReference): Promise<Descriptor> {
  const { path, tag } = reference;
  await checkLayout(path);
  const bytes = await readSmall(join(path, "index.json"));
  if (bytes === undefined) throw noLayout(path, "it has no index.json");
  const index = parseManifest(bytes, OCI_INDEX);
  if (index.kind !== "index") throw noLayout(path, "its index.json is not an index");
  const images = index.manifests.filter(({ mediaType }) => MANIFEST_TYPES.includes(mediaType));
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
          tag === undefined ? `Name one: oci:${path}:TAG.` : "Two images of the layout have the same name.",
      },
    );
  return first;
}

async function checkLayout(path: string): Promise<void> {
  const bytes = await readSmall(join(path, "oci-layout"));
  if (bytes === undefined) throw noLayout(path, "it has no file oci-layout");
  const { imageLayoutVersion } = asObject(parseJson(bytes, "oci-layout"), "oci-layout");
  if (typeof imageLayoutVersion === "string" && /^1\.\d+\.\d+$/.test(imageLayoutVersion)) return;
  throw noLayout(path, "its imageLayoutVersion is not 1.x");
}

function noLayout(path: string, reason: string): Failure {
  return new Failure("IMAGE_UNKNOWN", `${printable(path)} is not an OCI image layout: ${reason}`, {
    hint: "The path ends at the first colon: oci:DIR:TAG.",
  });
}

function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations?.[REF_NAME];
}

function listed(images: Descriptor[]): string {
  const names = images.map((image) => printable(nameOf(image) ?? image.digest, 100));
  return names.length === 0 ? "the layout holds no image" : `the layout holds ${names.join(", ")}`;
}

async function readSmall(path: string): Promise<Buffer | undefined> {
  const file = await openRegular(path);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size > MANIFEST_LIMIT)
      throw new Failure("MANIFEST_INVALID", `${path} is larger than ${MANIFEST_LIMIT} bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Undefined when there is none. Never waits on a FIFO or a device. */
async function openRegular(path: string): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
    throw new Failure("IMAGE_UNKNOWN", `cannot read ${printable(path)}`, { cause: error });
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Failure("MANIFEST_INVALID", `${printable(path)} is not a regular file`);
}
