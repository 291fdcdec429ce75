import { Failure } from "../errors.ts";

type State = "magic" | "descriptor" | "header" | "block-header" | "block" | "checksum" | "skip-size" | "skip";

const MAGIC = 0xfd2fb528;
const MAGIC_BYTES = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const SKIPPABLE = 0x184d2a50;

/**
 * Finds where zstd frames end (RFC 8878 section 3.1) without decoding: Node's decoder takes several frames
 * only when each comes in a write of its own, and drops what follows a frame in one write without a word.
 */
export class ZstdFrames {
  #state: State = "magic";
  /** Bytes of the present field still to come, and the field's value so far (little endian). */
  #left = 4;
  #value = 0;
  #scale = 1;
  #hasChecksum = false;
  #isLastBlock = false;

  /**
   * Yields what of `chunk` a decoder needs, in pieces that never span frames; skippable frames are left out.
   * LAYER_INVALID.
   */
  *split(chunk: Buffer): Generator<Buffer> {
    let start = 0;
    for (let at = 0; at < chunk.length; ) {
      const before = this.#state;
      at += this.#take(chunk, at);
      if (this.#state === "descriptor" && before === "magic") {
        if (at < 4) yield MAGIC_BYTES; // its first bytes came with the chunk before
        start = at < 4 ? at : at - 4;
      } else if (this.#isBetween() && !before.startsWith("skip")) yield chunk.subarray(start, at);
    }
    const isInFrame = this.#state !== "magic" && !this.#state.startsWith("skip");
    if (isInFrame && start < chunk.length) yield chunk.subarray(start);
  }

  /** LAYER_INVALID unless the last frame is whole. */
  end(): void {
    if (!this.#isBetween()) throw new Failure("LAYER_INVALID", "the zstd data is cut");
  }

  #isBetween(): boolean {
    return this.#state === "magic" && this.#left === 4;
  }

  /** Uses up some of `chunk` from `at`; says how many bytes. */
  #take(chunk: Buffer, at: number): number {
    if (this.#state === "block" || this.#state === "skip" || this.#state === "header") {
      const length = Math.min(this.#left, chunk.length - at);
      this.#left -= length;
      if (this.#left === 0) this.#endField();
      return length;
    }
    this.#value += (chunk[at] ?? 0) * this.#scale;
    this.#scale *= 0x100;
    if (--this.#left === 0) this.#endField();
    return 1;
  }

  #endField(): void {
    const value = this.#value;
    switch (this.#state) {
      case "magic":
        this.#expect(...afterMagic(value));
        break;
      case "descriptor":
        this.#hasChecksum = (value & 4) !== 0;
        this.#expect("header", headerLength(value));
        break;
      case "header":
        this.#expect("block-header", 3);
        break;
      case "block-header":
        this.#startBlock(value);
        break;
      case "block":
        this.#endBlock();
        break;
      case "skip-size":
        if (value === 0) this.#expect("magic", 4);
        else this.#expect("skip", value);
        break;
      case "checksum":
      case "skip":
        this.#expect("magic", 4);
        break;
    }
  }

  #startBlock(value: number): void {
    this.#isLastBlock = (value & 1) === 1;
    const isRunLength = ((value >> 1) & 3) === 1;
    const size = isRunLength ? 1 : value >> 3;
    if (size > 0) this.#expect("block", size);
    else this.#endBlock();
  }

  #endBlock(): void {
    if (!this.#isLastBlock) this.#expect("block-header", 3);
    else if (this.#hasChecksum) this.#expect("checksum", 4);
    else this.#expect("magic", 4);
  }

  #expect(state: State, length: number): void {
    this.#state = state;
    this.#left = length;
    this.#value = 0;
    this.#scale = 1;
  }
}

function afterMagic(value: number): [State, number] {
  if (value === MAGIC) return ["descriptor", 1];
  if (value >= SKIPPABLE && value < SKIPPABLE + 16) return ["skip-size", 4];
  throw new Failure("LAYER_INVALID", "what follows a zstd frame is no zstd frame");
}

/** Window descriptor, dictionary id and frame content size, by the frame header descriptor. */
function headerLength(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (isSingleSegment ? 0 : 1) + dictionary + contentSize;
}
