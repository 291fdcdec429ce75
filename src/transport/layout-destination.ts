import { mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure, isErrno } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { formatOf, OCI_INDEX } from "../oci/media-types.ts";
import { printable } from "../oci/printable.ts";
import { formatReference, type LayoutReference } from "../oci/reference.ts";
import { syncDirectory } from "../sys/durable.ts";
import { tryLock } from "../sys/flock.ts";
import { BlobDirectory } from "./blob-directory.ts";
import type { Destination, DestinationOptions, PutManifestOptions } from "./destination.ts";
import { DirectoryFiles } from "./layout-files.ts";
import { blobPath, nameOf, REF_NAME, readIndex } from "./layout-source.ts";
import { TarWriter } from "./tar-writer.ts";

const LAYOUT_FILE = Buffer.from('{"imageLayoutVersion":"1.0.0"}');

/** What both forms of a layout can do: take blobs, and at last the images they make up. */
interface LayoutSink {
  has(descriptor: { digest: Digest; size: number }): Promise<boolean>;
  put(descriptor: { digest: Digest; size: number }, content: AsyncIterable<Uint8Array>): Promise<void>;
  finish(images: Descriptor[]): Promise<void>;
  close(): Promise<void>;
}

/** An OCI image layout being written: a directory, to which images are added, or a new archive. */
export class LayoutDestination implements Destination {
  readonly reference: LayoutReference;
  readonly #sink: LayoutSink;
  readonly #images: Descriptor[] = [];
  #last: Descriptor | undefined;

  static async open(
    reference: LayoutReference,
    { signal }: DestinationOptions = {},
  ): Promise<LayoutDestination> {
    const { transport, path, index } = reference;
    if (index !== undefined)
      throw new Failure("UNSUPPORTED", `${formatReference(reference)}: a place is for reading only`, {
        hint: `Give the image a name: ${transport}:${path}:TAG.`,
      });
    const sink =
      transport === "oci" ? await DirectorySink.open(path, signal) : await ArchiveSink.create(path);
    return new LayoutDestination(reference, sink);
  }

  private constructor(reference: LayoutReference, sink: LayoutSink) {
    this.reference = reference;
    this.#sink = sink;
  }

  hasBlob(descriptor: Descriptor): Promise<boolean> {
    return this.#sink.has(descriptor);
  }

  putBlob(descriptor: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#sink.put(descriptor, content);
  }

  async putManifest(bytes: Uint8Array, { mediaType, digest, tag }: PutManifestOptions): Promise<void> {
    if (formatOf(mediaType) !== "oci")
      throw new Failure("UNSUPPORTED", `an OCI image layout cannot hold a manifest of type ${mediaType}`);
    const descriptor: Descriptor = { mediaType, digest, size: bytes.length };
    if (!(await this.#sink.has(descriptor))) await this.#sink.put(descriptor, once(bytes));
    this.#last = descriptor;
    if (tag !== undefined) this.#images.push({ ...descriptor, annotations: { [REF_NAME]: tag } });
  }

  /** Lists what got a tag; without any, what came last. */
  async commit(): Promise<void> {
    const unnamed = this.#last === undefined ? [] : [this.#last];
    await this.#sink.finish(this.#images.length > 0 ? this.#images : unnamed);
  }

  close(): Promise<void> {
    return this.#sink.close();
  }
}

class DirectorySink implements LayoutSink {
  readonly #files: BlobDirectory;
  readonly #signal: AbortSignal | undefined;

  /** Where there are other files, and no layout, nothing is written. */
  static async open(path: string, signal: AbortSignal | undefined): Promise<DirectorySink> {
    const names = await namesIn(path);
    const strange = names.find((name) => name !== "blobs" && !name.startsWith("."));
    if (strange === undefined || names.includes("oci-layout")) return new DirectorySink(path, signal);
    throw new Failure(
      "UNSUPPORTED",
      `${printable(path)} is not an OCI image layout: it has ${printable(strange)}`,
      {
        hint: "Name a directory that is a layout, is empty or does not exist.",
      },
    );
  }

  private constructor(path: string, signal: AbortSignal | undefined) {
    this.#files = new BlobDirectory(path);
    this.#signal = signal;
  }

  has(descriptor: { digest: Digest; size: number }): Promise<boolean> {
    return this.#files.has(blobPath(descriptor.digest), descriptor);
  }

  put({ digest }: { digest: Digest }, content: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#files.put(blobPath(digest), content);
  }

  /** Under a lock on the directory, so that two commands that add images to one layout both do. */
  async finish(images: Descriptor[]): Promise<void> {
    const { path } = this.#files;
    await mkdir(path, { recursive: true });
    const directory = await open(path, "r");
    try {
      while (!tryLock(directory.fd, "exclusive"))
        await sleep(20, undefined, this.#signal && { signal: this.#signal });
      for (const algorithm of await namesIn(join(path, "blobs")))
        await syncDirectory(join(path, "blobs", algorithm));
      const before = await this.#present();
      if (before === undefined) await this.#files.put("oci-layout", [LAYOUT_FILE]);
      const kept = (before ?? []).filter((old) => !images.some((added) => isReplaced(old, added)));
      await this.#files.put("index.json", [indexJson([...kept, ...images])]);
      await syncDirectory(path);
    } finally {
      await directory.close();
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #present(): Promise<Descriptor[] | undefined> {
    const files = new DirectoryFiles(this.#files.path);
    if ((await files.size("oci-layout")) === undefined) return undefined;
    if ((await files.size("index.json")) === undefined) return [];
    return await readIndex(files, this.#files.path);
  }
}

class ArchiveSink implements LayoutSink {
  readonly #tar: TarWriter;
  readonly #there = new Set<Digest>();

  static async create(path: string): Promise<ArchiveSink> {
    const tar = await TarWriter.create(path);
    await tar.addBytes("oci-layout", LAYOUT_FILE);
    return new ArchiveSink(tar);
  }

  private constructor(tar: TarWriter) {
    this.#tar = tar;
  }

  has({ digest }: { digest: Digest }): Promise<boolean> {
    return Promise.resolve(this.#there.has(digest));
  }

  async put(
    { digest, size }: { digest: Digest; size: number },
    content: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    await this.#tar.add(blobPath(digest), { size, content });
    this.#there.add(digest);
  }

  async finish(images: Descriptor[]): Promise<void> {
    await this.#tar.addBytes("index.json", indexJson(images));
    await this.#tar.finish({ replace: true });
  }

  close(): Promise<void> {
    return this.#tar.close();
  }
}

/** None when there is no such directory. */
async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return [];
    throw new Failure("UNSUPPORTED", `cannot write an OCI image layout to ${printable(path)}`, { cause });
  }
}

/** A name means one image, and an image without a name is listed once. */
function isReplaced(old: Descriptor, added: Descriptor): boolean {
  const [name, other] = [nameOf(old), nameOf(added)];
  if (name !== undefined) return name === other;
  return old.digest === added.digest;
}

function indexJson(manifests: Descriptor[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
