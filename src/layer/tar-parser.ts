import { Failure } from "../errors.ts";
import { showBytes } from "./byte-string.ts";
import { parsePax } from "./pax.ts";
import { parseSparseMap, type SparseRun } from "./sparse-map.ts";
import { type Pending, type TarEntry, tarEntry } from "./tar-entry.ts";
import { BLOCK, isZero, parseHeader, type TarHeader } from "./tar-header.ts";

/**
 * What takes the entries of an archive. `data`, `hole` and `end` follow an entry of type "file" only, and add
 * up to its size.
 */
export interface TarSink {
  entry(entry: TarEntry): void;
  /** Valid only during the call: the parser and its caller reuse the memory. */
  data(bytes: Buffer): void;
  /** So many bytes of zeros, of a sparse file. */
  hole(length: number): void;
  end(): void;
}

/** A PAX header, a long name or a sparse map beyond this many bytes is refused. */
const MAX_META = 1024 * 1024;
const META_TYPES = "xgLK";

/**
 * A tar reader that is given the bytes as they come. Its subject is archives of layers from anywhere, so
 * whatever is not exactly understood is refused by name (LAYER_INVALID); two readers must never see two lists
 * of entries in one archive. What follows the end marker is not parsed: that is for the caller's digest.
 */
export class TarParser {
  readonly #sink: TarSink;
  #state: "header" | "meta" | "map" | "data" | "padding" | "done" = "header";
  #zeroBlocks = 0;
  /** Bytes of the present header or meta data that came so far. */
  #held: Buffer[] = [];
  #heldLength = 0;
  /** Bytes of data of the present entry that have not come, and of padding after it. */
  #remaining = 0;
  #padding = 0;
  #header: TarHeader | undefined;
  #pending: Pending = {};
  #entry: TarEntry | undefined;
  #runs: SparseRun[] | undefined;
  #position = 0;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 && this.#state !== "done") rest = rest.subarray(this.#take(rest));
  }

  /** Says that no more will come. A missing end marker is tolerated, as everywhere; a cut entry is not. */
  end(): void {
    const name = showBytes(this.#entry?.name ?? this.#header?.name ?? "");
    if (this.#state === "meta" || this.#state === "map" || this.#state === "data")
      throw new Failure("LAYER_INVALID", `entry "${name}": the archive ends within its data`);
    if (this.#state === "header" && this.#held.some((bytes) => !isZero(bytes)))
      throw new Failure("LAYER_INVALID", "the archive ends within a header");
    this.#checkNothingPending();
  }

  /** Uses up some of `bytes`; says how many. */
  #take(bytes: Buffer): number {
    switch (this.#state) {
      case "header":
        return this.#takeHeader(bytes);
      case "meta":
        return this.#takeMeta(bytes);
      case "map":
        return this.#takeMap(bytes);
      case "data":
        return this.#takeData(bytes);
      case "padding": {
        const length = Math.min(bytes.length, this.#padding);
        this.#padding -= length;
        if (this.#padding === 0) this.#state = "header";
        return length;
      }
      case "done":
        return bytes.length;
    }
  }

  #takeHeader(bytes: Buffer): number {
    if (this.#heldLength === 0 && bytes.length >= BLOCK) {
      this.#startEntry(bytes.subarray(0, BLOCK));
      return BLOCK;
    }
    const length = this.#hold(bytes, BLOCK - this.#heldLength);
    if (this.#heldLength === BLOCK) this.#startEntry(this.#release());
    return length;
  }

  #startEntry(block: Buffer): void {
    const header = parseHeader(block);
    if (header === undefined) {
      this.#zeroBlocks++;
      if (this.#zeroBlocks === 2) {
        this.#checkNothingPending();
        this.#state = "done";
      }
      return;
    }
    if (this.#zeroBlocks > 0) throw new Failure("LAYER_INVALID", "an entry follows a lone block of zeros");
    this.#header = header;
    if (META_TYPES.includes(header.type)) this.#startMeta(header);
    else this.#startData(header);
  }

  /**
   * The size of a meta entry is the one in its own header: PAX records before it are about the next real
   * entry.
   */
  #startMeta({ type, size, name }: TarHeader): void {
    if (size > MAX_META)
      throw new Failure(
        "LAYER_INVALID",
        `entry "${showBytes(name)}": header of type ${type} has ${size} bytes, at most ${MAX_META}`,
      );
    this.#remaining = size;
    this.#setPadding(size);
    this.#state = "meta";
    if (size === 0) this.#endMeta();
  }

  #takeMeta(bytes: Buffer): number {
    const length = this.#hold(bytes, this.#remaining);
    this.#remaining -= length;
    if (this.#remaining === 0) this.#endMeta();
    return length;
  }

  #endMeta(): void {
    const bytes = this.#release();
    const type = this.#header?.type;
    if (type === "x") this.#setPending("records", parsePax(bytes));
    else if (type === "g") checkGlobal(bytes);
    else this.#setPending(type === "L" ? "longName" : "longLink", cutAtNul(bytes));
    this.#endData();
  }

  #setPending<K extends keyof Pending>(key: K, value: NonNullable<Pending[K]>): void {
    if (this.#pending[key] !== undefined)
      throw new Failure("LAYER_INVALID", `two headers of type ${this.#header?.type} in a row`);
    this.#pending[key] = value;
  }

  #checkNothingPending(): void {
    if (Object.keys(this.#pending).length > 0)
      throw new Failure("LAYER_INVALID", "the archive ends with a header that belongs to no entry");
  }

  #startData(header: TarHeader): void {
    const { entry, stored, sparse } = tarEntry(header, this.#pending);
    this.#pending = {};
    this.#entry = entry;
    this.#remaining = stored;
    this.#position = 0;
    this.#setPadding(stored);
    this.#sink.entry(entry);
    if (entry.type !== "file") this.#endData();
    else if (sparse) this.#state = "map";
    else if (stored === 0) this.#endFile();
    else this.#state = "data";
  }

  #takeMap(bytes: Buffer): number {
    const entry = this.#entry as TarEntry;
    const length = this.#hold(bytes, Math.min(BLOCK - (this.#heldLength % BLOCK), this.#remaining));
    this.#remaining -= length;
    if (this.#heldLength % BLOCK !== 0) return length;
    const map = Buffer.concat(this.#held);
    this.#held = [map];
    const runs = parseSparseMap(map, entry.size);
    if (runs === undefined) {
      if (this.#remaining === 0 || map.length > MAX_META)
        throw new Failure("LAYER_INVALID", `entry "${showBytes(entry.name)}": sparse map is cut or too long`);
      return length;
    }
    this.#release();
    if (runs.reduce((sum, run) => sum + run.length, 0) !== this.#remaining)
      throw new Failure("LAYER_INVALID", `entry "${showBytes(entry.name)}": sparse map and size differ`);
    this.#runs = runs;
    this.#state = "data";
    if (this.#remaining === 0) this.#endFile();
    return length;
  }

  #takeData(bytes: Buffer): number {
    let length = Math.min(bytes.length, this.#remaining);
    const run = this.#runs?.[0];
    if (run !== undefined) {
      this.#fillTo(run.offset);
      length = Math.min(length, run.offset + run.length - this.#position);
      if (this.#position + length === run.offset + run.length) this.#runs?.shift();
    }
    this.#sink.data(bytes.subarray(0, length));
    this.#position += length;
    this.#remaining -= length;
    if (this.#remaining === 0) this.#endFile();
    return length;
  }

  #endFile(): void {
    this.#fillTo(this.#entry?.size ?? 0);
    this.#runs = undefined;
    this.#sink.end();
    this.#endData();
  }

  #fillTo(offset: number): void {
    if (this.#runs === undefined || offset <= this.#position) return;
    this.#sink.hole(offset - this.#position);
    this.#position = offset;
  }

  #endData(): void {
    this.#entry = undefined;
    this.#state = this.#padding > 0 ? "padding" : "header";
  }

  #setPadding(size: number): void {
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK;
  }

  /** Copies what is wanted of `bytes`, whose memory is not ours. */
  #hold(bytes: Buffer, wanted: number): number {
    const length = Math.min(bytes.length, wanted);
    this.#held.push(Buffer.from(bytes.subarray(0, length)));
    this.#heldLength += length;
    return length;
  }

  #release(): Buffer {
    const bytes = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldLength = 0;
    return bytes;
  }
}

/**
 * Readers disagree about global headers (GNU tar applies them, Go's does not), so one that would change an
 * entry is refused. What git and others write is a comment.
 */
function checkGlobal(bytes: Buffer): void {
  for (const key of parsePax(bytes).keys())
    if (/^(?:path|linkpath|size|uid|gid|mtime|hdrcharset)$|^(?:SCHILY|GNU)\./.test(key))
      throw new Failure("LAYER_INVALID", `global PAX header sets "${showBytes(key)}"`);
}

function cutAtNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end === -1 ? bytes.length : end);
}
