import { Failure } from "../errors.ts";
import { type Descriptor, descriptorData } from "../oci/descriptor.ts";
import { type Digest, digestHex, digestLike, sha256 } from "../oci/digest.ts";
import { printable } from "../oci/printable.ts";
import type { DirectoryReference } from "../oci/reference.ts";
import { MAX_SIGNATURE_BYTES, MAX_SIGNATURES, parseSignature, type Signature } from "../oci/signature.ts";
import { verifyStream } from "../oci/verified-stream.ts";
import { DirectoryFiles } from "./layout-files.ts";
import type { Source, SourceManifest, SourceOptions } from "./source.ts";

const MANIFEST_LIMIT = 4 * 1024 * 1024;
export const VERSION_TEXT = "Directory Transport Version: 1.1\n";

/** An image in skopeo's `dir:` form: manifest.json, blobs by their hex digits, the images of an index as HEX.manifest.json. */
export class DirectorySource implements Source {
  readonly reference: DirectoryReference;
  readonly #files: DirectoryFiles;
  readonly #signal: AbortSignal | undefined;

  constructor(reference: DirectoryReference, { signal }: SourceOptions = {}) {
    this.reference = reference;
    this.#files = new DirectoryFiles(reference.path);
    this.#signal = signal;
  }

  async manifest(digest?: Digest): Promise<SourceManifest> {
    const { path } = this.reference;
    const name = digest === undefined ? "manifest.json" : `${digestHex(digest)}.manifest.json`;
    let bytes = await this.#files.readSmall(name, MANIFEST_LIMIT);
    if (bytes === undefined && digest !== undefined) {
      const named = await this.#files.readSmall("manifest.json", MANIFEST_LIMIT);
      if (named !== undefined && digestLike(digest, named) === digest) bytes = named;
    }
    if (bytes === undefined)
      throw new Failure("IMAGE_UNKNOWN", `${printable(path)} has no ${name}`, {
        hint: "A dir: image is a directory that skopeo or berth copied one image to.",
      });
    const actual = digest === undefined ? sha256(bytes) : digestLike(digest, bytes);
    if (digest !== undefined && actual !== digest)
      throw new Failure("DIGEST_MISMATCH", `${printable(path)}/${name} is ${actual}, expected ${digest}`);
    return { bytes, mediaType: undefined, digest: actual };
  }

  blob(descriptor: Descriptor): AsyncIterable<Uint8Array> {
    const { digest, size } = descriptor;
    return verifyStream(this.#bytes(descriptor), { digest, size, what: `blob ${digest}` });
  }

  /** Of the image itself in `signature-N`, of one of its index in `HEX.signature-N`. */
  async signatures(digest: Digest): Promise<Signature[]> {
    const named = await this.#files.readSmall("manifest.json", MANIFEST_LIMIT);
    const isNamed = named !== undefined && digestLike(digest, named) === digest;
    const found: Signature[] = [];
    for (;;) {
      const name = `${isNamed ? "" : `${digestHex(digest)}.`}signature-${found.length + 1}`;
      const blob = await this.#files.readSmall(name, MAX_SIGNATURE_BYTES);
      if (blob === undefined) return found;
      const where = `${printable(this.reference.path)}/${name}`;
      if (found.length === MAX_SIGNATURES)
        throw new Failure("SIGNATURE_INVALID", `${where}: more than ${MAX_SIGNATURES} signatures`);
      found.push(parseSignature(blob, where));
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async *#bytes(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const data = descriptorData(descriptor);
    if (data !== undefined) yield data;
    else
      for await (const chunk of this.#files.read(digestHex(descriptor.digest))) {
        if (this.#signal?.aborted === true)
          throw new Failure("INTERRUPTED", "interrupted", { cause: this.#signal.reason });
        yield chunk;
      }
  }
}
