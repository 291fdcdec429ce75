import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { LinkBatch, LinkPlaces } from "./link-batch.ts";

export interface LinkWorkerData extends LinkPlaces {
  /** How many batches are done; memory that the threads share. */
  done: Int32Array<SharedArrayBuffer>;
}

/** More would be memory for nothing, less would leave the thread idle while the main thread links a batch itself. */
const MOST_WAITING = 4;

/** A thread that makes links beside the main thread. It takes 60 ms to start. */
export class LinkThread implements AsyncDisposable {
  readonly #done = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;
  readonly #failed: Promise<string[]>;
  #given = 0;

  constructor(places: LinkPlaces) {
    const workerData: LinkWorkerData = { ...places, done: this.#done };
    this.#worker = new Worker(new URL(`./link-worker${extname(import.meta.url)}`, import.meta.url), {
      workerData,
      execArgv: [],
    });
    this.#failed = new Promise((resolve, reject) => {
      this.#worker.on("message", resolve);
      this.#worker.on("error", reject);
      this.#worker.on("exit", () => reject(new Error("the thread that makes links ended")));
    });
    this.#failed.catch(() => {}); // who stops early does not ask
  }

  /** Takes the batch unless it has enough to do. */
  offer(batch: LinkBatch): boolean {
    if (this.#given - Atomics.load(this.#done, 0) >= MOST_WAITING) return false;
    this.#given++;
    this.#worker.postMessage(batch);
    return true;
  }

  /** Waits until all that it took is done: the paths that failed. */
  async end(): Promise<string[]> {
    this.#worker.postMessage("end");
    return this.#failed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
