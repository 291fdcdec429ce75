import { Failure } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, sha256 } from "../oci/digest.ts";
import { asObject, parseJson } from "../oci/json.ts";
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from "../oci/media-types.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import type { NamedImage, Store } from "../store/store.ts";
import type { Source, SourceManifest } from "../transport/source.ts";
import type { Spool } from "../transport/spool.ts";

interface Rebuilt {
  manifest: SourceManifest;
  config: { digest: Digest; bytes: Buffer };
  layers: Map<Digest, Spool>;
}

/** An image of the store with layers made anew from its files: the same root file system under new digests, without signatures. */
export class RebuiltSource implements Source {
  readonly reference: Reference;
  readonly #store: Store;
  readonly #stored: NamedImage;
  #rebuilt: Promise<Rebuilt> | undefined;

  constructor(store: Store, stored: NamedImage) {
    this.reference = parseReference(stored.name);
    this.#store = store;
    this.#stored = stored;
  }

  async manifest(digest?: Digest): Promise<SourceManifest> {
    const { manifest } = await this.#rebuild();
    if (digest === undefined || digest === manifest.digest) return manifest;
    throw new Failure("IMAGE_UNKNOWN", `${this.#stored.name} has no manifest ${digest}`);
  }

  async *blob({ digest }: Descriptor): AsyncGenerator<Uint8Array> {
    const { config, layers } = await this.#rebuild();
    const layer = layers.get(digest);
    if (layer !== undefined) yield* layer.read();
    else if (digest === config.digest) yield config.bytes;
    else throw new Failure("BLOB_UNKNOWN", `${this.#stored.name} has no blob ${digest}`);
  }

  async close(): Promise<void> {
    const rebuilt = await this.#rebuilt?.catch(() => undefined);
    this.#rebuilt = undefined;
    for (const layer of rebuilt?.layers.values() ?? []) layer.close();
  }

  #rebuild(): Promise<Rebuilt> {
    this.#rebuilt ??= rebuild(this.#store, this.#stored);
    return this.#rebuilt;
  }
}

async function rebuild(store: Store, { image }: NamedImage): Promise<Rebuilt> {
  const { Spool } = await import("../transport/spool.ts");
  const { recodeLayer } = await import("../transport/recode-layer.ts");
  const layers = new Map<Digest, Spool>();
  const descriptors: Descriptor[] = [];
  const diffIds: Digest[] = [];
  try {
    for (const diffId of image.config.diffIds) {
      const plain = await Spool.of(store.layerTar(diffId));
      diffIds.push(plain.digest);
      const layer = await recodeLayer(plain.read(), { compress: { algorithm: "gzip" }, diffId: undefined });
      plain.close();
      descriptors.push({ mediaType: `${OCI_LAYER}+gzip`, digest: layer.digest, size: layer.size });
      layers.get(layer.digest)?.close();
      layers.set(layer.digest, layer);
    }
  } catch (error) {
    for (const layer of layers.values()) layer.close();
    throw error;
  }
  const before = asObject(parseJson(image.configBytes, "image config"), "image config");
  const config = encode({ ...before, rootfs: { type: "layers", diff_ids: diffIds } });
  const { annotations } = image.manifest;
  const manifest = encode({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: sha256(config), size: config.length },
    layers: descriptors,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  });
  return {
    manifest: { bytes: manifest, mediaType: OCI_MANIFEST, digest: sha256(manifest) },
    config: { digest: sha256(config), bytes: config },
    layers,
  };
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
