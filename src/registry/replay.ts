/**
 * A stream that can be read again from a place not long ago: it keeps the last `bytes` that were read of it. One reader at a
 * time goes on; one that was left standing takes nothing away from the next.
 */
export class Replay {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #bytes: number;
  #chunks: Uint8Array[] = [];
  /** Where the first kept chunk begins, and where the last ends. */
  #start = 0;
  #end = 0;
  #done = false;
  #pulling: Promise<void> | undefined;
  /** What the source ended with. */
  error: unknown;

  constructor(source: AsyncIterable<Uint8Array>, { bytes }: { bytes: number }) {
    this.#source = source[Symbol.asyncIterator]();
    this.#bytes = bytes;
  }

  /** Whether reading can begin at `offset`. */
  covers(offset: number): boolean {
    return offset >= this.#start && offset <= this.#end;
  }

  /** The content from `offset`, which must be covered, up to `end` or its own end. */
  async *from(offset: number, end: number = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < end; ) {
      if (at === this.#end) {
        if (this.#done) return;
        await this.#pull();
        continue;
      }
      const chunk = this.#at(at).subarray(0, end - at);
      at += chunk.length;
      yield chunk;
    }
  }

  /** Lets go of the source. */
  async close(): Promise<void> {
    this.#done = true;
    await this.#source.return?.();
  }

  #at(offset: number): Uint8Array {
    let start = this.#start;
    for (const chunk of this.#chunks) {
      if (offset >= start && offset < start + chunk.length) return chunk.subarray(offset - start);
      start += chunk.length;
    }
    throw new Error(`byte ${offset} is not kept any more`);
  }

  async #pull(): Promise<void> {
    this.#pulling ??= this.#next().finally(() => {
      this.#pulling = undefined;
    });
    await this.#pulling;
  }

  async #next(): Promise<void> {
    try {
      const { value, done } = await this.#source.next();
      if (done === true) this.#done = true;
      else this.#keep(value);
    } catch (error) {
      this.error = error;
      this.#done = true;
      throw error;
    }
  }

  #keep(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#end += chunk.length;
    for (;;) {
      const first = this.#chunks[0];
      if (first === undefined || this.#end - this.#start - first.length < this.#bytes) return;
      this.#chunks.shift();
      this.#start += first.length;
    }
  }
}
