import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import { readRange, Spool } from "./spool.ts";
import { indexTar, type Member, normalizeMember, type TarIndex } from "./tar-index.ts";

const SMALL_LIMIT = 4 * 1024 * 1024;
const MAX_LINKS = 8;

/**
 * A tar archive read by random access: its headers once, data only where it is asked for. One that is compressed, or no regular
 * file, is put aside uncompressed first. Close it.
 */
export class TarFile {
  readonly path: string;
  readonly #fd: number;
  readonly #index: TarIndex;
  readonly #close: () => Promise<void>;

  /** IMAGE_UNKNOWN when there is no such file, MANIFEST_INVALID when it is no archive. */
  static async open(path: string): Promise<TarFile> {
    const file = await openArchive(path);
    const stat = await file.stat();
    if (stat.isFile() && (await isUncompressed(file)))
      return TarFile.#of(path, { fd: file.fd, size: stat.size, close: () => file.close() });
    try {
      return await TarFile.ofStream(path, file.createReadStream({ autoClose: false }));
    } finally {
      await file.close();
    }
  }

  /** An archive that comes as a stream, compressed or not; `path` is what messages call it. */
  static async ofStream(path: string, content: AsyncIterable<Uint8Array>): Promise<TarFile> {
    const spool = await Spool.unpacked(content).catch((error: unknown) => {
      throw describe(path, error);
    });
    const close = (): Promise<void> => Promise.resolve(spool.close());
    return TarFile.#of(path, { fd: spool.fd, size: spool.size, close });
  }

  static async #of(path: string, opened: OpenedTar): Promise<TarFile> {
    try {
      return new TarFile(path, opened);
    } catch (error) {
      await opened.close();
      throw describe(path, error);
    }
  }

  private constructor(path: string, { fd, size, close }: OpenedTar) {
    this.path = path;
    this.#fd = fd;
    this.#index = indexTar(fd, size);
    this.#close = close;
  }

  /** The member of this name, links followed; undefined when there is none. */
  find(name: string): Member | undefined {
    let at = normalizeMember(name);
    for (let links = 0; links <= MAX_LINKS; links++) {
      const entry = this.#index.entries.get(at);
      if (entry === undefined || !("link" in entry)) return entry;
      at = entry.link;
    }
    return undefined;
  }

  read(member: Member): AsyncGenerator<Uint8Array> {
    return readRange(this.#fd, member);
  }

  /** A small member whole. MANIFEST_INVALID beyond `limit` (4 MiB), and when it is there twice: readers differ in which one counts. */
  async readSmall(name: string, limit: number = SMALL_LIMIT): Promise<Buffer | undefined> {
    const member = this.find(name);
    if (member === undefined) return undefined;
    const what = `${printable(this.path)}: ${printable(name)}`;
    if (this.#index.repeated.has(normalizeMember(name)))
      throw new Failure("MANIFEST_INVALID", `${what} is in the archive twice`);
    if (member.size > limit) throw new Failure("MANIFEST_INVALID", `${what} is larger than ${limit} bytes`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.read(member)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  close(): Promise<void> {
    return this.#close();
  }
}

interface OpenedTar {
  fd: number;
  size: number;
  close: () => Promise<void>;
}

async function openArchive(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY);
  } catch (cause) {
    throw new Failure("IMAGE_UNKNOWN", `cannot read ${printable(path)}`, { cause });
  }
  if (!(await file.stat()).isDirectory()) return file;
  await file.close();
  throw new Failure("IMAGE_UNKNOWN", `${printable(path)} is a directory, not an archive`, {
    hint: "An image layout in a directory is oci:DIR.",
  });
}

/** By the magic number of ustar, or of nothing else: old archives have none. */
async function isUncompressed(file: FileHandle): Promise<boolean> {
  const block = Buffer.alloc(512);
  await file.read(block, 0, block.length, 0);
  if (block.toString("latin1", 257, 262) === "ustar") return true;
  return !COMPRESSED.some((magic) => magic.every((byte, at) => block[at] === byte));
}

/** gzip, zstd, and bzip2 and xz, which the decompressor refuses by name. */
const COMPRESSED = [
  [0x1f, 0x8b],
  [0x28, 0xb5, 0x2f, 0xfd],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58],
];

function describe(path: string, error: unknown): unknown {
  if (!(error instanceof Failure) || error.code === "NO_SPACE" || error.code === "INTERRUPTED") return error;
  return new Failure("MANIFEST_INVALID", `${printable(path)} is not a whole tar archive: ${error.message}`, {
    hint: error.hint,
    cause: error.cause,
  });
}
