import { closeSync, openSync } from "node:fs";
import { syncfsInThread } from "../sys/syncfs.ts";

const EVERY = 32 * 1024 * 1024;

/**
 * Syncs a file system in the background while layers come, so that the disk works meanwhile and the sync that
 * counts, at the end, finds little to do.
 */
export class EarlySync implements AsyncDisposable {
  readonly #fd: number;
  #bytes = 0;
  #running: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(dir: string) {
    this.#fd = openSync(dir, "r");
  }

  /** Says that so many more bytes of layers came. */
  note(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < EVERY || this.#running !== undefined) return;
    this.#bytes = 0;
    this.#running = this.#sync();
  }

  /** Waits for the sync under way. Throws what any failed with: the kernel tells of a failed write only once. */
  async end(): Promise<void> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running;
    closeSync(this.#fd);
  }

  async #sync(): Promise<void> {
    try {
      await syncfsInThread(this.#fd);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#running = undefined;
  }
}
