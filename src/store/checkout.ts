import {
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  symlinkSync,
} from "node:fs";
import { Failure, isErrno } from "../errors.ts";
import type { Report } from "../events.ts";
import { type ByteString, bytesOf, showBytes } from "../layer/byte-string.ts";
import { joinPath } from "../layer/entry-path.ts";
import type { Leaf, RegularFile } from "../layer/listing.ts";
import { lookup, type Tree, type TreeDirectory, type TreeEntry } from "../layer/tree.ts";
import { printable } from "../oci/printable.ts";
import { mknod } from "../sys/mknod.ts";
import { hasTime, setAttributes } from "./attributes.ts";
import { breather, removeTree } from "./files.ts";
import type { Layout } from "./layout.ts";
import { type LinkBatch, type LinkPlaces, linkBatch } from "./link-batch.ts";
import { LinkThread } from "./link-thread.ts";
import { objectName } from "./object-name.ts";

export interface CheckoutCounts {
  files: number;
  dirs: number;
}

/**
 * Makes the tree in the new directory `dir`: files as hard links to objects, all else anew. A file whose time counts
 * is copied unless its object has that time. A directory gets
 * its owner, mode and time when it is full. Nothing stays of a checkout that fails.
 */
export async function checkoutTree(
  layout: Layout,
  tree: Tree,
  { dir, signal, report }: { dir: string; signal?: AbortSignal | undefined; report?: Report | undefined },
): Promise<CheckoutCounts> {
  mkdirSync(dir, { mode: 0o700 });
  try {
    return await new Checkout(layout, { dir, report }).run(tree, signal);
  } catch (error) {
    await removeTree(dir);
    throw error;
  }
}

/** Links that are made, or given to the thread, at a time. */
const BATCH = 256;
/** From here on a second thread saves more than its start takes. */
const MANY_FILES = 15_000;

class Checkout {
  readonly #layout: Layout;
  readonly #dir: string;
  readonly #report: Report | undefined;
  readonly #places: LinkPlaces;
  readonly #linked = new Map<Leaf, string | Buffer>();
  #thread: LinkThread | undefined;
  #batch: LinkBatch = [];
  #failed: string[] = [];
  #files = 0;
  #copies = 0;

  constructor(layout: Layout, { dir, report }: { dir: string; report: Report | undefined }) {
    this.#layout = layout;
    this.#dir = dir;
    this.#places = { objects: layout.objects, dir };
    this.#report = report;
  }

  async run(tree: Tree, signal: AbortSignal | undefined): Promise<CheckoutCounts> {
    const breathe = breather(signal, "checkout");
    await using thread = hasManyFiles(tree.root) ? new LinkThread(this.#places) : undefined;
    this.#thread = thread;
    const directories: { path: ByteString; directory: TreeDirectory }[] = [];
    const pending = [{ path: "", directory: tree.root }];
    for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
      directories.push(item);
      for (const [name, entry] of item.directory.children) {
        const path = joinPath(item.path, name);
        this.#make(path, entry);
        if (entry.type === "directory") pending.push({ path, directory: entry });
        await breathe();
      }
    }
    await this.#endLinks(tree);
    for (const { path, directory } of directories.toReversed()) {
      this.#setAttributes(this.#hostPath(path), directory);
      await breathe();
    }
    if (this.#copies > 0)
      this.#report?.({
        type: "warning",
        message: `${this.#copies} files were copied: their objects have as many links as the file system can count`,
      });
    return { files: this.#files, dirs: directories.length };
  }

  #make(path: ByteString, entry: TreeEntry): void {
    if (entry.type === "directory") {
      mkdirSync(this.#hostPath(path), { mode: 0o700 });
      return;
    }
    this.#files++;
    if (entry.type !== "file" || entry.size === 0) this.#makeAnew(this.#hostPath(path), entry);
    else if (entry.timed === true) this.#linkTimed(path, entry);
    else if (isAscii(path)) this.#linkSoon(path, entry);
    else this.#link(path, entry);
  }

  /** A copy where the object has the time of another layer that brought the same content before. */
  #linkTimed(path: ByteString, entry: RegularFile): void {
    const object = this.#layout.object(objectName(entry.sha256, entry));
    const host = this.#hostPath(path);
    const first = this.#linked.get(entry);
    if (first !== undefined) linkSync(first, host);
    else if (!isMissingOr(object, (stat) => hasTime(stat, entry))) {
      copyObject(object, host);
      this.#setAttributes(host, entry);
      this.#linked.set(entry, host);
    } else this.#link(path, entry);
  }

  #linkSoon(path: ByteString, entry: RegularFile): void {
    this.#batch.push(objectName(entry.sha256, entry), path);
    if (this.#batch.length === 2 * BATCH) this.#linkBatch();
  }

  #linkBatch(): void {
    const batch = this.#batch;
    this.#batch = [];
    if (this.#thread?.offer(batch) !== true) this.#failed.push(...linkBatch(batch, this.#places));
  }

  async #endLinks(tree: Tree): Promise<void> {
    this.#linkBatch();
    this.#failed.push(...((await this.#thread?.end()) ?? []));
    for (const path of this.#failed) this.#link(path, lookup(tree, path) as RegularFile);
  }

  /** Names of one inode in the image are names of one inode here too. */
  #makeAnew(host: string | Buffer, entry: Leaf): void {
    const first = this.#linked.get(entry);
    if (first !== undefined) {
      linkSync(first, host);
      return;
    }
    switch (entry.type) {
      case "file": // an empty one: never linked to the store, where all would share it
        closeSync(openSync(host, "wx", 0o600));
        break;
      case "symlink":
        symlinkSync(bytesOf(entry.target), host);
        break;
      case "char":
      case "block":
        mknod(host, { type: entry.type, mode: 0o600, device: entry });
        break;
      case "fifo":
        mknod(host, { type: "fifo", mode: 0o600 });
        break;
    }
    this.#setAttributes(host, entry);
    this.#linked.set(entry, host);
  }

  #link(path: ByteString, entry: RegularFile): void {
    const host = this.#hostPath(path);
    const object = this.#layout.object(objectName(entry.sha256, entry));
    try {
      linkSync(object, host);
    } catch (error) {
      if (isErrno(error, "EMLINK")) this.#copy(host, { object, entry });
      else throw this.#explain(error, { path, object });
    }
  }

  #copy(host: string | Buffer, { object, entry }: { object: string; entry: RegularFile }): void {
    copyObject(object, host);
    this.#setAttributes(host, entry);
    this.#copies++;
  }

  #setAttributes(host: string | Buffer, entry: TreeEntry): void {
    try {
      setAttributes(host, entry);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new Failure(error.code, `${printable(host.toString(), 4096)}: ${error.message}`, {
        cause: error.cause,
      });
    }
  }

  #explain(error: unknown, { path, object }: { path: ByteString; object: string }): unknown {
    if (isErrno(error, "ENOENT"))
      return new Failure("STORE_CORRUPT", `object ${object} (/${showBytes(path)}) is missing`, {
        hint: "Remove the image with `berth rmi`, then pull it again.",
        cause: error,
      });
    if (isErrno(error, "EXDEV"))
      return new Failure(
        "CONFIG_INVALID",
        `${this.#layout.store} and ${this.#dir} lie on different file systems, but files are shared by hard links`,
        { cause: error },
      );
    return error;
  }

  #hostPath(path: ByteString): string | Buffer {
    if (path === "") return this.#dir;
    if (isAscii(path)) return `${this.#dir}/${path}`;
    return Buffer.concat([Buffer.from(`${this.#dir}/`), bytesOf(path)]);
  }
}

function copyObject(object: string, to: string | Buffer): void {
  copyFileSync(object, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
}

function isMissingOr(object: string, is: (stat: Stats) => boolean): boolean {
  const stat = lstatSync(object, { throwIfNoEntry: false });
  return stat === undefined || is(stat);
}

function hasManyFiles(root: TreeDirectory): boolean {
  let count = 0;
  const pending = [root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    count += directory.children.size;
    if (count >= MANY_FILES) return true;
    for (const entry of directory.children.values()) if (entry.type === "directory") pending.push(entry);
  }
  return false;
}

function isAscii(path: ByteString): boolean {
  return !/[\x80-\xff]/.test(path);
}
