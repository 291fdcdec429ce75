import { Failure } from "../errors.ts";
import type { Report } from "../events.ts";
import type { MountTarget } from "../layer/mount-targets.ts";
import type { Tree } from "../layer/tree.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import type { NewImage } from "./add-image.ts";
import { type BlobKey, hasBlob, keepBlob, readBlob } from "./blobs.ts";
import type { CheckoutCounts } from "./checkout.ts";
import { checkFormat, createStore } from "./format.ts";
import { type NameRecord, readImage, readNames, removeName, type StoredImage } from "./image-records.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { matchName } from "./match-name.ts";
import type { Pruned, PruneOptions } from "./prune.ts";
import type { ReceiveOptions } from "./receive-layers.ts";

export type { StoredImage };

export interface NamedImage {
  name: string;
  image: StoredImage;
  /** The reference it was pulled from, where that is known. */
  source?: string | undefined;
}

/** An image of another store, of which nothing need be copied. */
export interface ReadyImage extends NamedImage {
  /** The state directory of that store. */
  state: string;
  /** Its checkout there. */
  rootfs: string;
}

export interface StoreOptions {
  report?: Report | undefined;
  signal?: AbortSignal | undefined;
  /**
   * Make the store when there is none (default). Commands that only read say false, and then find it empty.
   */
  create?: boolean | undefined;
  /** State directories of stores that are only read: their layers are copied instead of fetched. */
  additional?: readonly string[] | undefined;
}

/**
 * The content-addressed store: objects (contents of files), listings (layers), images, names. Everything in
 * it is immutable but the names, and whatever is in it was verified. See layout.ts for where things lie.
 * What lists names alone needs little of this code, so a method loads what it works with.
 */
export class Store {
  readonly layout: Layout;
  readonly #report: Report | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #additional: readonly string[];

  private constructor(layout: Layout, { report, signal, additional = [] }: StoreOptions) {
    this.layout = layout;
    this.#additional = additional;
    this.#report = report;
    this.#signal = signal;
  }

  /** STORE_FORMAT when a later berth made it, NOT_ROOT when it cannot be read. */
  static async open(stateDir: string, options: StoreOptions = {}): Promise<Store> {
    const layout = layoutOf(stateDir);
    if (!checkFormat(layout) && options.create !== false) await createStore(layout);
    return new Store(layout, options);
  }

  /** All names, sorted. */
  async names(): Promise<NamedImage[]> {
    return readNames(this.layout).map((record) => this.#named(record));
  }

  /** What a user means by `typed`: see matchName. NAME_AMBIGUOUS. */
  async find(typed: string): Promise<NamedImage | undefined> {
    const record = matchName(typed, readNames(this.layout));
    return record === undefined ? undefined : this.#named(record);
  }

  /** IMAGE_UNKNOWN, STORE_CORRUPT. */
  async image(digest: Digest): Promise<StoredImage> {
    return readImage(this.layout, digest);
  }

  /**
   * Puts an image in, reading each layer that is missing from `blob`, and names it last. Nothing is left when
   * it fails: LAYER_INVALID, LAYER_UNSAFE, DIGEST_MISMATCH, NO_SPACE, INTERRUPTED, or what the blob's stream
   * throws.
   */
  async add(image: NewImage, options: ReceiveOptions): Promise<StoredImage> {
    const { report = this.#report, signal = this.#signal } = options;
    const [{ addImage }, { openAdditional }] = await Promise.all([
      import("./add-image.ts"),
      import("./additional.ts"),
    ]);
    const additional = options.additional ?? openAdditional(this.#additional);
    return addImage(this.layout, image, { ...options, additional, report, signal });
  }

  /**
   * Copies what a user means by `typed` from the first of the additional stores that has it, under the name that it has there; undefined when
   * none has. CONFIG_INVALID, STORE_CORRUPT.
   */
  async borrow(typed: string): Promise<NamedImage | undefined> {
    const { findAdditional, openAdditional } = await import("./additional.ts");
    const found = findAdditional(openAdditional(this.#additional), typed);
    if (found === undefined) return undefined;
    const { name, source } = found.record;
    return this.name(name, { name, image: found.image, source });
  }

  /**
   * As `borrow`, but nothing is copied: the image as the additional store has it, where that has a checkout of it that can be used in place.
   */
  async findReady(typed: string): Promise<ReadyImage | undefined> {
    const { findAdditional, openAdditional } = await import("./additional.ts");
    const found = findAdditional(openAdditional(this.#additional), typed);
    if (found === undefined) return undefined;
    const { layout, record, image } = found;
    const { existsSync } = await import("node:fs");
    const rootfs = layout.checkout(image.digest);
    if (!existsSync(rootfs)) return undefined;
    return { name: record.name, source: record.source, image, state: layout.state, rootfs };
  }

  /** Checks an image out into the store itself, for others to use it in place; `mountTargets` as for a checkout. */
  async makeReady(image: StoredImage, mountTargets: MountTarget[]): Promise<void> {
    const { makeReady } = await import("./ready.ts");
    const { withMountTargets } = await import("../layer/mount-targets.ts");
    const tree = withMountTargets(await this.tree(image), mountTargets);
    const [report, signal] = [this.#report, this.#signal];
    await makeReady(this.layout, tree, { digest: image.digest, report, signal });
  }

  /** Gives an image of the store one more name. */
  async name(name: string, { image, source }: NamedImage): Promise<NamedImage> {
    const { digest, manifestBytes, configBytes, signatures } = image;
    const named = { digest, manifestBytes, configBytes, signatures, names: [name], source };
    await this.add(named, { blob: notStored });
    return { name, image, source };
  }

  /** A layer as an archive made anew from its files; not the one it came as. STORE_CORRUPT. */
  async *layerTar(diffId: Digest): AsyncGenerator<Uint8Array> {
    const { layerTar } = await import("./layer-tar.ts");
    yield* layerTar(this.layout, diffId);
  }

  /** A layer's blob as it came, where it was kept; verified as it is read. */
  keptBlob(key: BlobKey): AsyncGenerator<Uint8Array> | undefined {
    return readBlob(this.layout, key);
  }

  /** Passes on a layer's blob and keeps it; for the `blob` of `add`. */
  keepBlob(key: BlobKey, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    return keepBlob(this.layout, { key, content });
  }

  /** Keeps the blobs of an image that has a name. */
  async keepBlobs(
    { manifest }: StoredImage,
    open: (layer: Descriptor) => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    for (const layer of manifest.layers) {
      if (hasBlob(this.layout, layer)) continue;
      for await (const _chunk of this.keepBlob(layer, open(layer)));
    }
  }

  /** Takes a name away; the image stays until prune. IMAGE_UNKNOWN. */
  async unname(name: string): Promise<void> {
    if (!removeName(this.layout, name))
      throw new Failure("IMAGE_UNKNOWN", `no image is named ${name}`, {
        hint: "`berth images` lists the names.",
      });
  }

  /** Drops what no name refers to, nor `keep`: the images of deployments. */
  async prune(options: Pick<PruneOptions, "keep" | "dryRun" | "graceMs"> = {}): Promise<Pruned> {
    const { pruneStore } = await import("./prune.ts");
    return pruneStore(this.layout, { ...options, report: this.#report, signal: this.#signal });
  }

  /** The image's root file system: its layers merged. */
  async tree(image: { config: Pick<ImageConfig, "diffIds"> }): Promise<Tree> {
    const [{ mergeListings }, { markTimed }, { readListings }] = await Promise.all([
      import("../layer/merge-listings.ts"),
      import("../layer/mark-timed.ts"),
      import("./listings.ts"),
    ]);
    const tree = mergeListings(readListings(this.layout, image.config.diffIds));
    markTimed(tree);
    return tree;
  }

  /**
   * Makes the tree in `dir`, which must not exist, on the store's file system. `mountTargets` are made where
   * the image lacks them. Never write into a checkout: its files are the store's.
   */
  async checkout(
    tree: Tree,
    dir: string,
    {
      mountTargets = [],
      signal = this.#signal,
    }: { mountTargets?: MountTarget[]; signal?: AbortSignal | undefined } = {},
  ): Promise<CheckoutCounts> {
    const [{ withMountTargets }, { lockFile }, { checkoutTree }] = await Promise.all([
      import("../layer/mount-targets.ts"),
      import("./locks.ts"),
      import("./checkout.ts"),
    ]);
    const report = this.#report;
    const whole = withMountTargets(tree, mountTargets);
    using _ = await lockFile(this.layout.lock, { mode: "shared", report, signal });
    return checkoutTree(this.layout, whole, { dir, signal, report });
  }

  /** A regular file of the tree, at most `limit` bytes (4 MiB): see readTreeFile. */
  async readFile(
    tree: Tree,
    path: string,
    { limit }: { limit?: number | undefined } = {},
  ): Promise<Buffer | undefined> {
    const { readTreeFile } = await import("./read-tree-file.ts");
    return readTreeFile(this.layout, tree, { path, limit });
  }

  #named({ name, digest, source }: NameRecord): NamedImage {
    return { name, image: readImage(this.layout, digest), source };
  }
}

function notStored({ digest }: Descriptor): never {
  throw new Failure("STORE_CORRUPT", `layer ${digest} is missing from the store`, {
    hint: "Pull the image again.",
  });
}
