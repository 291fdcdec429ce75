import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestHex } from "../oci/digest.ts";
import { printable } from "../oci/printable.ts";
import type { DirectoryReference } from "../oci/reference.ts";
import { formatSignature, type Signature } from "../oci/signature.ts";
import { syncDirectory } from "../sys/durable.ts";
import { renameExchange } from "../sys/renameat2.ts";
import { BlobDirectory } from "./blob-directory.ts";
import type { Destination, PutManifestOptions } from "./destination.ts";
import { signatureFile } from "./directory-signatures.ts";
import { VERSION_TEXT } from "./directory-source.ts";
import { asideOf } from "./tar-writer.ts";

/** One image in skopeo's `dir:` form, made beside its place. It takes the place of an image that is there, and of nothing else. */
export class DirectoryDestination implements Destination {
  readonly reference: DirectoryReference;
  readonly #path: string;
  readonly #files: BlobDirectory;
  #last: { bytes: Uint8Array; hex: string } | undefined;
  readonly #signatures = new Map<Digest, readonly Signature[]>();
  #isOver = false;

  static async open(reference: DirectoryReference): Promise<DirectoryDestination> {
    const path = resolve(reference.path);
    await checkReplaceable(path);
    await mkdir(dirname(path), { recursive: true });
    return new DirectoryDestination(reference, path);
  }

  private constructor(reference: DirectoryReference, path: string) {
    this.reference = reference;
    this.#path = path;
    this.#files = new BlobDirectory(asideOf(path));
  }

  hasBlob(descriptor: Descriptor): Promise<boolean> {
    return this.#files.has(digestHex(descriptor.digest), descriptor);
  }

  putBlob({ digest }: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#files.put(digestHex(digest), content);
  }

  /** The one that comes last is the image; the others are of its index. */
  async putManifest(bytes: Uint8Array, { digest }: PutManifestOptions): Promise<void> {
    if (this.#last !== undefined)
      await this.#files.put(`${this.#last.hex}.manifest.json`, [this.#last.bytes]);
    this.#last = { bytes, hex: digestHex(digest) };
  }

  async putSignatures(digest: Digest, signatures: readonly Signature[]): Promise<void> {
    this.#signatures.set(digest, signatures);
  }

  async commit(): Promise<void> {
    if (this.#last === undefined) throw new Error("no manifest was put");
    for (const [digest, signatures] of this.#signatures) {
      const isNamed = digestHex(digest) === this.#last.hex;
      for (const [at, signature] of signatures.entries())
        await this.#files.put(signatureFile(digest, isNamed, at + 1), [formatSignature(signature)]);
    }
    await this.#files.put("manifest.json", [this.#last.bytes]);
    await this.#files.put("version", [Buffer.from(VERSION_TEXT)]);
    await syncDirectory(this.#files.path);
    const isThere = existsSync(this.#path);
    if (isThere) renameExchange(this.#files.path, this.#path);
    else await rename(this.#files.path, this.#path);
    this.#isOver = true;
    await syncDirectory(dirname(this.#path));
    if (isThere) await rm(this.#files.path, { recursive: true });
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await rm(this.#files.path, { recursive: true, force: true });
  }
}

/** As containers/image: what is there must be empty or an image of this kind. */
async function checkReplaceable(path: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    if (!isErrno(error, "ENOTDIR")) throw error;
    throw new Failure("UNSUPPORTED", `${printable(path)} is not a directory`);
  }
  if (names.length === 0) return;
  const version = names.includes("version") ? await readFile(join(path, "version"), "utf8") : "";
  if (version.startsWith("Directory Transport Version: ")) return;
  throw new Failure("UNSUPPORTED", `${printable(path)} is not a dir: image, and is not replaced`, {
    hint: "Name a directory that is empty or does not exist.",
  });
}
