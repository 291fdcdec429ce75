import { type Code, Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { parseReference, type Reference, type Transport } from "../oci/reference.ts";
import { parseSignature, type Signature } from "../oci/signature.ts";
import type { NamedImage } from "../store/store.ts";
import type { Source, SourceManifest } from "../transport/source.ts";
import type { Fetching } from "./fetching.ts";

const KEEP_NO_MANIFEST: readonly Transport[] = ["docker-archive", "docker-daemon", "containers-storage"];

/** What a source that is no more ends with. */
const GONE: readonly Code[] = ["IMAGE_UNKNOWN", "BLOB_UNKNOWN", "NAME_UNKNOWN", "REGISTRY_UNREACHABLE"];
const HINT =
  "Say where they are with --from, or `berth push --rebuild` makes new ones; `berth pull --keep-blobs` keeps them.";

export interface StoredSourceOptions extends Fetching {
  /** Where the blobs are, as typed; default: where the image was pulled from. */
  from?: string | undefined;
}

/**
 * An image of the store as others can have it. The store keeps files, not the compressed blobs that the manifest names: those come from store/blobs where
 * they were kept, else from where the image came from, and so every digest stays.
 */
export class StoredSource implements Source {
  readonly reference: Reference;
  /** As where it was pulled from. */
  readonly madeManifest: boolean;
  readonly #host: Host;
  readonly #stored: NamedImage;
  readonly #options: StoredSourceOptions;
  readonly #origin: string | undefined;
  #opened: Promise<Source> | undefined;

  constructor(host: Host, stored: NamedImage, options: StoredSourceOptions = {}) {
    this.#host = host;
    this.#stored = stored;
    this.#options = options;
    this.#origin = options.from ?? stored.source;
    this.reference = parseReference(this.#origin ?? stored.name);
    const { transport } = parseReference(stored.source ?? stored.name);
    this.madeManifest = KEEP_NO_MANIFEST.includes(transport);
  }

  manifest(digest?: Digest): Promise<SourceManifest> {
    const { image, name } = this.#stored;
    if (digest !== undefined && digest !== image.digest)
      throw new Failure("IMAGE_UNKNOWN", `the store has no image ${digest} under the name ${name}`);
    const { manifestBytes: bytes, manifest } = image;
    return Promise.resolve({ bytes, mediaType: manifest.mediaType, digest: image.digest });
  }

  /** Those that were kept when a policy asked for them. */
  signatures(): Promise<Signature[]> {
    const { image, name } = this.#stored;
    return Promise.resolve(image.signatures.map((blob) => parseSignature(blob, `a signature of ${name}`)));
  }

  async *blob(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const { image } = this.#stored;
    if (descriptor.digest === image.manifest.config.digest) {
      yield image.configBytes;
      return;
    }
    const store = await this.#host.store();
    const kept = await store.keptBlob(descriptor);
    if (kept !== undefined) yield* kept;
    else yield* this.#fromOrigin(descriptor);
  }

  async *#fromOrigin(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    try {
      yield* (await this.#open()).blob(descriptor);
    } catch (error) {
      if (!(error instanceof Failure) || !GONE.includes(error.code)) throw error;
      const { name } = this.#stored;
      const reason = this.#origin === undefined ? "" : `, and ${this.#origin} cannot give them`;
      const message = `the store has the files of ${name}, but not its layers${reason}`;
      throw new Failure(error.code, message, { hint: HINT, cause: error });
    }
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    await opened?.close();
  }

  #open(): Promise<Source> {
    this.#opened ??= this.#openOrigin();
    return this.#opened;
  }

  /** Only the blobs are taken, each checked by its digest, so the policy for the image itself has been asked already. */
  async #openOrigin(): Promise<Source> {
    if (this.#origin !== undefined) return this.#host.source(this.reference, this.#options);
    throw new Failure("BLOB_UNKNOWN", "where the image came from is not known", { hint: HINT });
  }
}
