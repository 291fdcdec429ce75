import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { type Code, Failure } from "../errors.ts";
import type { LayerJob } from "./layer-reader.ts";
import type { FromWorker, PlainError, ToWorker } from "./worker-protocol.ts";

const BUFFERS = 8;
const BUFFER_SIZE = 256 * 1024;
const LARGE_PIECE = 16 * 1024;
/**
 * Unpacked chunks are garbage at once: a small young generation collects them sooner. Less memory at the same
 * CPU time.
 */
const YOUNG_MB = 4;

/**
 * A thread that reads layers, seen from outside. After the first failure or interrupt it is of no more use.
 */
export class LayerWorker implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #onFree: () => void = () => {};
  #onDone: () => void = () => {};
  #onStop: (error: unknown) => void = () => {};
  #stopped: { error: unknown } | undefined;

  constructor() {
    for (let at = 0; at < BUFFERS; at++) this.#free.push(new Uint8Array(BUFFER_SIZE));
    this.#worker = startWorker();
    this.#worker.on("message", (message: FromWorker) => this.#take(message));
    this.#worker.on("error", (error) => this.#stop(error));
    this.#worker.on("exit", (code) => this.#stop(new Error(`the layer worker ended with code ${code}`)));
  }

  /**
   * Has a layer read from `source`, a stream whose bytes are already checked and whose memory it gives away.
   * At most 2 MiB are under way. `onReceived` hears how many bytes came so far. Rejects with what the stream,
   * the reader or the signal says.
   */
  async read(
    job: LayerJob,
    {
      source,
      signal,
      onReceived = () => {},
    }: {
      source: AsyncIterable<Uint8Array>;
      signal?: AbortSignal | undefined;
      onReceived?: (bytes: number) => void;
    },
  ): Promise<void> {
    const onAbort = (): void =>
      this.#stop(new Failure("INTERRUPTED", "interrupted while a layer was received"));
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
    const done = new Promise<void>((resolve) => {
      this.#onDone = resolve;
    });
    try {
      this.#post({ type: "open", job });
      await this.#send(source, onReceived);
      this.#post({ type: "end" });
      await this.#orStopped(done);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  /** Fills buffers from `source` and posts each full one. */
  async #send(source: AsyncIterable<Uint8Array>, onReceived: (bytes: number) => void): Promise<void> {
    const iterator = source[Symbol.asyncIterator]();
    let isOver = false;
    let received = 0;
    let buffer = await this.#buffer();
    let length = 0;
    try {
      for (;;) {
        const next = await this.#orStopped(iterator.next());
        if (next.done) break;
        let chunk = next.value;
        received += chunk.length;
        while (chunk.length > 0) {
          const part = chunk.subarray(0, buffer.length - length);
          buffer.set(part, length);
          length += part.length;
          chunk = chunk.subarray(part.length);
          if (chunk.length === 0) release(next.value);
          if (length < buffer.length) continue;
          this.#post({ type: "chunk", bytes: buffer, length }, [buffer.buffer]);
          onReceived(received);
          buffer = await this.#buffer();
          length = 0;
        }
      }
      isOver = true;
    } finally {
      // Not awaited: a stream that hangs would hang this too. Its own end does not matter any more.
      if (!isOver) iterator.return?.().catch(() => {});
    }
    this.#post({ type: "chunk", bytes: buffer, length }, [buffer.buffer]);
    onReceived(received);
  }

  async #buffer(): Promise<Uint8Array<ArrayBuffer>> {
    for (;;) {
      const buffer = this.#free.pop();
      if (buffer !== undefined) return buffer;
      const freed = new Promise<void>((resolve) => {
        this.#onFree = resolve;
      });
      await this.#orStopped(freed);
    }
  }

  /**
   * `promise`, unless the worker stops first. Promise.race with one lasting promise would keep every value it
   * ever saw.
   */
  #orStopped<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#onStop = reject;
      if (this.#stopped !== undefined) reject(this.#stopped.error);
      promise.then(resolve, reject);
    });
  }

  #stop(error: unknown): void {
    this.#stopped ??= { error };
    this.#onStop(this.#stopped.error);
  }

  #take(message: FromWorker): void {
    switch (message.type) {
      case "free":
        this.#free.push(message.bytes);
        this.#onFree();
        return;
      case "done":
        this.#onDone();
        return;
      case "failed":
        this.#stop(errorOf(message.error));
        return;
    }
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

/**
 * Frees the memory of a piece that was copied, unless it is small or shared with others: the collector of
 * garbage would find it late, and look often.
 */
function release(piece: Uint8Array): void {
  const isWhole = piece.byteLength === piece.buffer.byteLength;
  if (isWhole && piece.byteLength >= LARGE_PIECE) (piece.buffer as ArrayBuffer).transfer(0);
}

/** The worker's file has this file's extension: .ts in the source tree, .js when built. */
function startWorker(): Worker {
  const file = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
  return new Worker(file, {
    execArgv: [], // what Node was started with (-e, --input-type) is not for it
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
}

function errorOf({ message, isFailure, code, hint, stack }: PlainError): Error {
  if (isFailure) return new Failure(code as Code, message, { hint });
  const error: NodeJS.ErrnoException = new Error(message);
  if (code !== undefined) error.code = code;
  if (stack !== undefined) error.stack = stack;
  return error;
}
