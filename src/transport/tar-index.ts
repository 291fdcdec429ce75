import { readSync } from "node:fs";
import { posix } from "node:path";
import { Failure } from "../errors.ts";
import { parsePax, paxNumber } from "../layer/pax.ts";
import { BLOCK, parseHeader } from "../layer/tar-header.ts";

/** Where the data of a member lies in the archive. */
export interface Member {
  offset: number;
  size: number;
}

/** The members of a tar archive by their normalized names: where their data is, or which name they link to. */
export interface TarIndex {
  entries: Map<string, Member | { link: string }>;
  /** Names that more than one member has; the first is in `entries`. */
  repeated: Set<string>;
}

const META_LIMIT = 1024 * 1024;
const MAX_MEMBERS = 100_000;

/** Reads the headers of an archive of `size` bytes and skips its data. LAYER_INVALID, SIZE_MISMATCH, MANIFEST_INVALID. */
export function indexTar(fd: number, size: number): TarIndex {
  const index: TarIndex = { entries: new Map(), repeated: new Set() };
  let longName: string | undefined;
  let longLink: string | undefined;
  let pax = new Map<string, Buffer>();
  for (let at = 0; at + BLOCK <= size; ) {
    const header = parseHeader(readExactly(fd, { offset: at, size: BLOCK }));
    if (header === undefined) return index;
    const { type } = header;
    const isMeta = "xgLK".includes(type);
    const stated = isMeta ? undefined : pax.get("size");
    const length = stated === undefined ? header.size : Number(paxNumber(stated, "size"));
    const offset = at + BLOCK;
    if (offset + length > size) throw new Failure("SIZE_MISMATCH", "it ends too early");
    at = offset + Math.ceil(length / BLOCK) * BLOCK;
    if (isMeta) {
      if (length > META_LIMIT)
        throw new Failure("MANIFEST_INVALID", "an extended header is larger than 1 MiB");
      const data = readExactly(fd, { offset, size: length });
      if (type === "x") pax = parsePax(data);
      else if (type === "L") longName = textOf(data);
      else if (type === "K") longLink = textOf(data);
      continue;
    }
    const name = normalizeMember(pax.get("path")?.toString() ?? longName ?? decode(header.name));
    const target = pax.get("linkpath")?.toString() ?? longLink ?? decode(header.linkname);
    [longName, longLink, pax] = [undefined, undefined, new Map()];
    add(index, { type, name, target, member: { offset, size: length } });
  }
  return index;
}

/** `./a/b`, `/a/b` and `a//b` are all `a/b`. */
export function normalizeMember(name: string): string {
  return posix.join("/", name).slice(1).replace(/\/$/, "");
}

function add(
  { entries, repeated }: TarIndex,
  { type, name, target, member }: { type: string; name: string; target: string; member: Member },
): void {
  const link =
    type === "1" ? target : type === "2" ? posix.join("/", posix.dirname(name), target) : undefined;
  if (link === undefined && type !== "0" && type !== "7") return;
  if (entries.has(name)) repeated.add(name);
  else entries.set(name, link === undefined ? member : { link: normalizeMember(link) });
  if (entries.size > MAX_MEMBERS) throw new Failure("MANIFEST_INVALID", "it has too many members");
}

function readExactly(fd: number, { offset, size }: Member): Buffer {
  const buffer = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const length = readSync(fd, buffer, at, size - at, offset + at);
    if (length === 0) throw new Failure("SIZE_MISMATCH", "it ends too early");
    at += length;
  }
  return buffer;
}

function textOf(data: Buffer): string {
  const end = data.indexOf(0);
  return data.toString("utf8", 0, end === -1 ? data.length : end);
}

/** Headers give names byte for byte. */
function decode(name: string): string {
  return Buffer.from(name, "latin1").toString("utf8");
}
