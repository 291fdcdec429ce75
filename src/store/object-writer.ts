import { createHash, type Hash, hash } from "node:crypto";
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, renameSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { isErrno } from "../errors.ts";
import type { TarEntry } from "../layer/tar-entry.ts";
import { setOpenFileAttributes } from "./attributes.ts";
import { noteReused } from "./claims.ts";
import { writeAll } from "./files.ts";
import { objectIn } from "./layout.ts";
import { objectName } from "./object-name.ts";
import { checkSpace } from "./space.ts";

/** A file up to this size is hashed and written in one go, and not at all when the store has it. */
const SMALL = 1024 * 1024;
const CHECK_EVERY = 32 * 1024 * 1024;
const ZEROS = Buffer.alloc(64 * 1024);

export interface ObjectPlaces {
  /** Where new objects go. */
  stage: string;
  /** A path for a file that is written before its name is known. */
  partial: string;
  /** The store's objects, to see what is there already. */
  objects: string;
  /** A file for the names of those that are there already. */
  reused: string;
  /** Of those, names that do not count as being there. */
  damaged?: readonly string[] | undefined;
}

/**
 * Puts the contents of a layer's files as objects into a staging directory, under their final names. Several
 * may fill one: what one has staged, the others leave out. Synchronous, for a worker.
 */
export class ObjectWriter {
  readonly #stage: string;
  readonly #objects: string;
  readonly #damaged: ReadonlySet<string>;
  /** Where a large file is written before it has its name. */
  readonly #partial: string;
  readonly #reusedPath: string;
  #reused: string[] = [];
  readonly #prefixes = new Set<string>();
  readonly #buffer = Buffer.allocUnsafeSlow(SMALL);
  #length = 0;
  #large: LargeFile | undefined;
  #entry: TarEntry | undefined;
  #unchecked = 0;

  constructor({ stage, partial, objects, reused, damaged = [] }: ObjectPlaces) {
    this.#stage = stage;
    this.#partial = partial;
    this.#reusedPath = reused;
    this.#objects = objects;
    this.#damaged = new Set(damaged);
  }

  begin(entry: TarEntry): void {
    this.#entry = entry;
    this.#length = 0;
    if (entry.size > SMALL) this.#large = new LargeFile(this.#partial);
  }

  data(bytes: Buffer): void {
    this.#watchSpace(bytes.length);
    if (this.#large !== undefined) this.#large.write(bytes);
    else {
      bytes.copy(this.#buffer, this.#length);
      this.#length += bytes.length;
    }
  }

  hole(length: number): void {
    if (this.#large !== undefined) this.#large.skip(length);
    else {
      this.#buffer.fill(0, this.#length, this.#length + length);
      this.#length += length;
    }
  }

  /** The file is whole: its SHA-256 in hex, "" for an empty file, which is no object. */
  end(): string {
    const entry = this.#entry as TarEntry;
    if (entry.size === 0) return "";
    const large = this.#large;
    this.#large = undefined;
    return large === undefined ? this.#endSmall(entry) : this.#endLarge(entry, large);
  }

  /** Writes down which objects were there already, so far. */
  noteReused(): void {
    noteReused(this.#reusedPath, this.#reused);
    this.#reused = [];
  }

  #endSmall(entry: TarEntry): string {
    const bytes = this.#buffer.subarray(0, this.#length);
    const sha256 = hash("sha256", bytes, "hex");
    const name = objectName(sha256, entry);
    if (this.#isStored(name)) return sha256;
    const fd = this.#stageNew(name);
    if (fd === undefined) return sha256;
    try {
      writeAll(fd, bytes);
      setOpenFileAttributes(fd, entry);
    } finally {
      closeSync(fd);
    }
    return sha256;
  }

  #endLarge(entry: TarEntry, large: LargeFile): string {
    const sha256 = large.close(entry);
    const name = objectName(sha256, entry);
    if (this.#isStored(name)) unlinkSync(large.path);
    else renameSync(large.path, this.#stagePath(name));
    return sha256;
  }

  #isStored(name: string): boolean {
    if (this.#damaged.has(name) || !existsSync(objectIn(this.#objects, name))) return false;
    this.#reused.push(name);
    return true;
  }

  /** The new file for an object; undefined when it is staged already. */
  #stageNew(name: string): number | undefined {
    try {
      return openSync(this.#stagePath(name), "wx", 0o600);
    } catch (error) {
      if (isErrno(error, "EEXIST")) return undefined;
      throw error;
    }
  }

  #stagePath(name: string): string {
    const path = objectIn(this.#stage, name);
    const prefix = name.slice(0, 2);
    if (!this.#prefixes.has(prefix)) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#prefixes.add(prefix);
    return path;
  }

  /** Stops before the disk is full to the last byte. */
  #watchSpace(length: number): void {
    this.#unchecked += length;
    if (this.#unchecked < CHECK_EVERY) return;
    this.#unchecked = 0;
    checkSpace(this.#stage, { bytes: CHECK_EVERY, what: "unpacking" });
  }
}

/** A file that is written while it comes; holes stay holes. */
class LargeFile {
  readonly path: string;
  readonly #fd: number;
  readonly #hash: Hash = createHash("sha256");
  #position = 0;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, "wx", 0o600);
  }

  write(bytes: Buffer): void {
    this.#hash.update(bytes);
    writeAll(this.#fd, bytes, this.#position);
    this.#position += bytes.length;
  }

  skip(length: number): void {
    for (let left = length; left > 0; left -= ZEROS.length)
      this.#hash.update(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
    this.#position += length;
  }

  close(entry: TarEntry): string {
    try {
      ftruncateSync(this.#fd, this.#position);
      setOpenFileAttributes(this.#fd, entry);
    } finally {
      closeSync(this.#fd);
    }
    return this.#hash.digest("hex");
  }
}
