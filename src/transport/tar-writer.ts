import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { Failure, isErrno } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import { syncDirectory } from "../sys/durable.ts";
import { renameNoReplace } from "../sys/renameat2.ts";

/** A tar archive that is written beside its place and moved there when it is whole. Members are written one after the other. */
export class TarWriter {
  readonly #path: string;
  readonly #aside: string;
  readonly #pack: Pack = pack();
  readonly #written: Promise<void>;
  #last: Promise<void> = Promise.resolve();
  #isOver = false;

  /** Makes the directory of `path` where it is missing. */
  static async create(path: string): Promise<TarWriter> {
    const full = resolve(path);
    await mkdir(dirname(full), { recursive: true });
    return new TarWriter(full);
  }

  private constructor(path: string) {
    this.#path = path;
    this.#aside = asideOf(path);
    this.#written = pipeline(this.#pack, createWriteStream(this.#aside, { flags: "wx", mode: 0o644 }));
    this.#written.catch(() => {}); // heard by whoever waits for a member or for the end
  }

  /** Writes one member whose content is exactly `size` bytes. */
  add(name: string, { size, content }: { size: number; content: AsyncIterable<Uint8Array> }): Promise<void> {
    const added = this.#last.then(() => this.#add(name, { size, content }));
    this.#last = added.catch(() => {});
    return added;
  }

  addBytes(name: string, bytes: Uint8Array): Promise<void> {
    return this.add(name, { size: bytes.length, content: once(bytes) });
  }

  /** Ends the archive, syncs it and gives it its name. `replace: false` fails where something has that name by then. */
  async finish({ replace }: { replace: boolean }): Promise<void> {
    await this.end();
    try {
      if (replace) await rename(this.#aside, this.#path);
      else renameNoReplace(this.#aside, this.#path);
    } catch (cause) {
      throw isErrno(cause, "EEXIST") ? existsAlready(this.#path) : cause;
    }
    this.#isOver = true;
    await syncDirectory(dirname(this.#path));
  }

  /** Ends the archive and syncs it; its path until `close`. */
  async end(): Promise<string> {
    await this.#last;
    this.#pack.finalize();
    await this.#written.catch((cause: unknown) => {
      throw this.#describe(cause);
    });
    const file = await open(this.#aside, "r");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    return this.#aside;
  }

  /** Removes what has not got its name. Idempotent. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pack.destroy();
    await this.#written.catch(() => {});
    await rm(this.#aside, { force: true });
  }

  async #add(
    name: string,
    { size, content }: { size: number; content: AsyncIterable<Uint8Array> },
  ): Promise<void> {
    await new Promise<void>((done, fail) => {
      this.#written.catch((cause: unknown) => fail(this.#describe(cause)));
      const sink = this.#pack.entry({ name, size, mtime: new Date(0) }, (error) => {
        if (error) fail(error);
        else done();
      });
      pump(content, sink).catch((error: unknown) => {
        fail(error);
        this.#pack.destroy();
      });
    });
  }

  #describe(cause: unknown): unknown {
    if (!isErrno(cause, "ENOSPC")) return cause;
    return new Failure("NO_SPACE", `no space left for ${printable(this.#path)}`, { cause });
  }
}

export function existsAlready(path: string): Failure {
  return new Failure("UNSUPPORTED", `${printable(path)} exists, and is not changed`, {
    hint: "Remove it, or name another file.",
  });
}

/** A hidden name in the same directory. */
export function asideOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}~`);
}

async function pump(content: AsyncIterable<Uint8Array>, sink: NodeJS.WritableStream): Promise<void> {
  for await (const chunk of content) {
    if (sink.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        sink.off("drain", done);
        sink.off("close", done);
        resolve();
      };
      sink.on("drain", done);
      sink.on("close", done);
    });
  }
  sink.end();
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
