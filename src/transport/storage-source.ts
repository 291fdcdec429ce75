import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { printable } from "../oci/printable.ts";
import { formatReference, type StorageReference } from "../oci/reference.ts";
import { DirectorySource } from "./directory-source.ts";
import type { Source, SourceManifest, SourceOptions } from "./source.ts";

/** Who can read that storage, best first: the program and its arguments. */
const READERS = [
  {
    program: "skopeo",
    arguments: (image: string, dir: string) => [
      "copy",
      "--quiet",
      `containers-storage:${image}`,
      `dir:${dir}`,
    ],
  },
  {
    program: "podman",
    arguments: (image: string, dir: string) => [
      "save",
      "--quiet",
      "--format=docker-dir",
      `--output=${dir}`,
      image,
    ],
  },
] as const;

/** An image of the storage that podman, buildah and CRI-O share: skopeo or podman exports it. It keeps its layers unpacked. */
export class StorageSource implements Source {
  readonly reference: StorageReference;
  readonly madeManifest = true;
  readonly #options: SourceOptions;
  #exported: Promise<{ parent: string; source: DirectorySource }> | undefined;

  constructor(reference: StorageReference, options: SourceOptions = {}) {
    this.reference = reference;
    this.#options = options;
  }

  async manifest(digest?: Digest): Promise<SourceManifest> {
    const { source } = await this.#export();
    return source.manifest(digest);
  }

  async *blob(descriptor: Descriptor): AsyncGenerator<Uint8Array> {
    const { source } = await this.#export();
    yield* source.blob(descriptor);
  }

  async close(): Promise<void> {
    const exported = await this.#exported?.catch(() => undefined);
    this.#exported = undefined;
    if (exported !== undefined) await rm(exported.parent, { recursive: true, force: true });
  }

  #export(): Promise<{ parent: string; source: DirectorySource }> {
    this.#exported ??= this.#run();
    return this.#exported;
  }

  async #run(): Promise<{ parent: string; source: DirectorySource }> {
    const parent = await mkdtemp(join(process.env["TMPDIR"] || "/var/tmp", "berth-"));
    const path = join(parent, "image");
    try {
      await exportImage(this.reference, { path, signal: this.#options.signal });
      return { parent, source: new DirectorySource({ transport: "dir", path }, this.#options) };
    } catch (error) {
      await rm(parent, { recursive: true, force: true });
      throw error;
    }
  }
}

async function exportImage(
  reference: StorageReference,
  { path, signal }: { path: string; signal: AbortSignal | undefined },
): Promise<void> {
  const { execa } = await import("execa");
  const name = formatReference(reference);
  for (const reader of READERS) {
    const { exitCode, stderr, code, failed } = await execa(
      reader.program,
      reader.arguments(reference.image, path),
      { reject: false, stdin: "ignore", ...(signal === undefined ? {} : { cancelSignal: signal }) },
    );
    if (!failed) return;
    if (code === "ENOENT") continue;
    if (signal?.aborted === true) throw new Failure("INTERRUPTED", "interrupted");
    throw new Failure("IMAGE_UNKNOWN", `${reader.program} cannot read ${name} (status ${exitCode})`, {
      cause: new Error(printable(stderr.trim().split("\n").at(-1) ?? "", 500)),
    });
  }
  throw new Failure("UNSUPPORTED", `${name} is read by way of skopeo or podman, and neither is installed`, {
    hint: "Install skopeo, or export the image: podman save --format oci-archive.",
  });
}
