import { existsSync } from "node:fs";
import { Failure } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestHex } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import { isConfigType } from "../oci/media-types.ts";
import { type DockerArchiveReference, formatReference, type RegistryReference } from "../oci/reference.ts";
import type { Destination, PutManifestOptions } from "./destination.ts";
import { existsAlready, TarWriter } from "./tar-writer.ts";

/** A docker-archive being written: it holds one image, uncompressed, and no manifest. */
export abstract class ArchiveWriter {
  protected readonly tar: TarWriter;
  readonly #name: RegistryReference | undefined;
  readonly #there = new Set<Digest>();
  #image: object[] | undefined;

  constructor(tar: TarWriter, name: RegistryReference | undefined) {
    this.tar = tar;
    this.#name = name;
  }

  hasBlob({ digest }: Descriptor): Promise<boolean> {
    return Promise.resolve(this.#there.has(digest));
  }

  async putBlob({ digest, mediaType, size }: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
    const name = isConfigType(mediaType) ? configName(digest) : layerName(digest);
    await this.tar.add(name, { size, content });
    this.#there.add(digest);
  }

  putManifest(bytes: Uint8Array, { mediaType }: PutManifestOptions): Promise<void> {
    const manifest = parseManifest(bytes, mediaType);
    if (manifest.kind === "index")
      throw new Failure("UNSUPPORTED", "a docker-archive holds images, not an index of images");
    const { config, layers } = manifest;
    this.#image = [
      {
        Config: configName(config.digest),
        RepoTags: this.#name === undefined ? null : [formatReference(this.#name)],
        Layers: layers.map(({ digest }) => layerName(digest)),
      },
    ];
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.tar.close();
  }

  protected async describe(): Promise<void> {
    if (this.#image === undefined) throw new Error("no manifest was put");
    await this.tar.addBytes("manifest.json", Buffer.from(JSON.stringify(this.#image)));
  }
}

/** A new file: one that exists is never changed, as with skopeo. */
export class DockerArchiveDestination extends ArchiveWriter implements Destination {
  readonly reference: DockerArchiveReference;

  static async open(reference: DockerArchiveReference): Promise<DockerArchiveDestination> {
    if (reference.index !== undefined)
      throw new Failure("UNSUPPORTED", `${formatReference(reference)}: a place is for reading only`);
    if (existsSync(reference.path)) throw existsAlready(reference.path);
    return new DockerArchiveDestination(reference, await TarWriter.create(reference.path));
  }

  private constructor(reference: DockerArchiveReference, tar: TarWriter) {
    super(tar, reference.name);
    this.reference = reference;
  }

  async commit(): Promise<void> {
    await this.describe();
    await this.tar.finish({ replace: false });
  }
}

/** The names that skopeo gives the members. */
function configName(digest: Digest): string {
  return `${digestHex(digest)}.json`;
}

function layerName(digest: Digest): string {
  return `${digestHex(digest)}.tar`;
}
