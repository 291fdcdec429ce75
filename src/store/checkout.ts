import { closeSync, constants, copyFileSync, linkSync, mkdirSync, openSync, symlinkSync } from "node:fs";
import { Failure, isErrno } from "../errors.ts";
import type { Report } from "../events.ts";
import { type ByteString, bytesOf, showBytes } from "../layer/byte-string.ts";
import { joinPath } from "../layer/entry-path.ts";
import type { Leaf, RegularFile } from "../layer/listing.ts";
import type { Tree, TreeDirectory, TreeEntry } from "../layer/tree.ts";
import { printable } from "../oci/printable.ts";
import { mknod } from "../sys/mknod.ts";
import { setAttributes } from "./attributes.ts";
import { breather, removeTree } from "./files.ts";
import type { Layout } from "./layout.ts";
import { objectName } from "./object-name.ts";

export interface CheckoutCounts {
  files: number;
  dirs: number;
}

/**
 * Makes the tree in the new directory `dir`: files as hard links to objects, all else anew. A directory gets
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

class Checkout {
  readonly #layout: Layout;
  readonly #dir: string;
  readonly #report: Report | undefined;
  readonly #linked = new Map<Leaf, string | Buffer>();
  #files = 0;
  #copies = 0;

  constructor(layout: Layout, { dir, report }: { dir: string; report: Report | undefined }) {
    this.#layout = layout;
    this.#dir = dir;
    this.#report = report;
  }

  async run(tree: Tree, signal: AbortSignal | undefined): Promise<CheckoutCounts> {
    const breathe = breather(signal, "checkout");
    const directories: { path: string | Buffer; directory: TreeDirectory }[] = [];
    const pending: { path: ByteString; directory: TreeDirectory }[] = [{ path: "", directory: tree.root }];
    for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
      const { path, directory } = item;
      directories.push({ path: this.#hostPath(path), directory });
      for (const [name, entry] of directory.children) {
        const childPath = joinPath(path, name);
        this.#make(childPath, entry);
        if (entry.type === "directory") pending.push({ path: childPath, directory: entry });
        await breathe();
      }
    }
    for (const { path, directory } of directories.toReversed()) {
      this.#setAttributes(path, directory);
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
    const host = this.#hostPath(path);
    if (entry.type === "directory") {
      mkdirSync(host, { mode: 0o700 });
      return;
    }
    this.#files++;
    if (entry.type === "file" && entry.size > 0) this.#link(host, { path, entry });
    else this.#makeAnew(host, entry);
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

  #link(host: string | Buffer, { path, entry }: { path: ByteString; entry: RegularFile }): void {
    const object = this.#layout.object(objectName(entry.sha256, entry));
    try {
      linkSync(object, host);
    } catch (error) {
      if (isErrno(error, "EMLINK")) this.#copy(host, { object, entry });
      else throw this.#explain(error, { path, object });
    }
  }

  #copy(host: string | Buffer, { object, entry }: { object: string; entry: RegularFile }): void {
    copyFileSync(object, host, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
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
    if (!/[\x80-\xff]/.test(path)) return `${this.#dir}/${path}`;
    return Buffer.concat([Buffer.from(`${this.#dir}/`), bytesOf(path)]);
  }
}
