import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import { TarFile } from "./tar-file.ts";

/** The files of an image layout or an image directory, wherever they lie. Paths are relative, with `/`. */
export interface LayoutFiles {
  /** A small file whole; undefined when there is none. MANIFEST_INVALID beyond `limit` bytes. */
  readSmall(path: string, limit: number): Promise<Buffer | undefined>;
  /** The size of a regular file in bytes, undefined when there is none. */
  size(path: string): Promise<number | undefined>;
  /** The bytes of a file. BLOB_UNKNOWN. */
  read(path: string): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Files below a directory. */
export class DirectoryFiles implements LayoutFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async readSmall(path: string, limit: number): Promise<Buffer | undefined> {
    const full = join(this.#dir, path);
    const file = await openRegular(full);
    if (file === undefined) return undefined;
    try {
      const { size } = await file.stat();
      if (size > limit)
        throw new Failure("MANIFEST_INVALID", `${printable(full)} is larger than ${limit} bytes`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  }

  async size(path: string): Promise<number | undefined> {
    const file = await openRegular(join(this.#dir, path));
    if (file === undefined) return undefined;
    const { size } = await file.stat();
    await file.close();
    return size;
  }

  async *read(path: string): AsyncGenerator<Uint8Array> {
    const full = join(this.#dir, path);
    const file = await openRegular(full);
    if (file === undefined) throw new Failure("BLOB_UNKNOWN", `there is no file ${printable(full)}`);
    try {
      for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1 << 18 }))
        yield chunk as Buffer;
    } finally {
      await file.close();
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Members of a tar archive, opened when first needed. */
export class ArchiveFiles implements LayoutFiles {
  readonly #path: string;
  #tar: Promise<TarFile> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async readSmall(path: string, limit: number): Promise<Buffer | undefined> {
    return (await this.#open()).readSmall(path, limit);
  }

  async size(path: string): Promise<number | undefined> {
    return (await this.#open()).find(path)?.size;
  }

  async *read(path: string): AsyncGenerator<Uint8Array> {
    const tar = await this.#open();
    const member = tar.find(path);
    if (member === undefined)
      throw new Failure("BLOB_UNKNOWN", `${printable(this.#path)} has no member ${printable(path)}`);
    yield* tar.read(member);
  }

  async close(): Promise<void> {
    const tar = await this.#tar?.catch(() => undefined);
    this.#tar = undefined;
    await tar?.close();
  }

  #open(): Promise<TarFile> {
    this.#tar ??= TarFile.open(this.#path);
    return this.#tar;
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
