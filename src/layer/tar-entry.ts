import { Failure } from "../errors.ts";
import { type ByteString, byteString, showBytes } from "./byte-string.ts";
import { type PaxRecords, paxNumber, paxTime } from "./pax.ts";
import { inRange, MAX_ID, type TarHeader } from "./tar-header.ts";
import { type Xattr, xattrsOf } from "./xattrs.ts";

export type EntryType = "file" | "directory" | "symlink" | "link" | "char" | "block" | "fifo";

/** An entry of an archive with all that its headers say. Names are as written, not checked. */
export interface TarEntry {
  type: EntryType;
  name: ByteString;
  /** Where a symlink points, or the name that a hard link is one more of. */
  target: ByteString;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of the file, holes included. */
  size: number;
  mtime: bigint;
  major: number;
  minor: number;
  xattrs: Xattr[];
}

/** What the headers before an entry say about it. */
export interface Pending {
  records?: PaxRecords;
  longName?: ByteString;
  longLink?: ByteString;
}

const TYPES: Record<string, EntryType> = {
  "0": "file",
  "1": "link",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

const UNSUPPORTED: Record<string, string> = {
  "7": "contiguous file",
  D: "GNU dump directory",
  M: "GNU continuation of another volume",
  N: "old GNU long name",
  S: "old GNU sparse file",
  V: "GNU volume label",
  X: "Solaris extended header",
};

/**
 * Joins a header with the records before it. `stored` is the bytes of data that follow, `sparse` says that
 * they begin with a map. LAYER_INVALID naming the entry.
 */
export function tarEntry(
  header: TarHeader,
  { records = new Map(), longName, longLink }: Pending,
): { entry: TarEntry; stored: number; sparse: boolean } {
  const value = (key: string): Buffer | undefined => {
    const bytes = records.get(key);
    return bytes === undefined || bytes.length === 0 ? undefined : bytes;
  };
  const text = (key: string): ByteString | undefined => {
    const bytes = value(key);
    return bytes === undefined ? undefined : byteString(bytes);
  };
  const number = (key: string, what: { max: number; fallback: number }): number => {
    const bytes = value(key);
    if (bytes === undefined) return what.fallback;
    return inRange(paxNumber(bytes, key), { max: what.max, what: key, name: header.name });
  };
  const name = oneOf(text("path"), longName, header);
  const target = oneOf(text("linkpath"), longLink, header) ?? header.linkname;
  const time = value("mtime");
  const stored = number("size", { max: Number.MAX_SAFE_INTEGER, fallback: header.size });
  const sparse = isSparse(records, header);
  const entryName = (sparse ? text("GNU.sparse.name") : undefined) ?? name ?? header.name;
  const type = typeOf(header, { name: entryName, stored });
  if (sparse && type !== "file") throw invalid(entryName, "only a file can be sparse");
  const entry: TarEntry = {
    type,
    name: entryName,
    target,
    mode: header.mode,
    uid: number("uid", { max: MAX_ID, fallback: header.uid }),
    gid: number("gid", { max: MAX_ID, fallback: header.gid }),
    size: type !== "file" ? 0 : sparse ? realSize(number, entryName) : stored,
    mtime: time === undefined ? header.mtime : paxTime(time, "mtime"),
    major: header.major,
    minor: header.minor,
    xattrs: xattrsOf(records, type),
  };
  // Old writers put a hard link's size in its header with no data behind it; GNU tar and Go read it as none.
  return { entry, stored: type === "file" ? stored : 0, sparse };
}

function typeOf(header: TarHeader, { name, stored }: { name: ByteString; stored: number }): EntryType {
  const type = TYPES[header.type];
  if (type === undefined) {
    const known = UNSUPPORTED[header.type];
    throw invalid(name, `unsupported type "${showBytes(header.type)}"${known ? ` (${known})` : ""}`);
  }
  // V7 had no type for directories; a trailing slash says it still.
  const meant = type === "file" && name.endsWith("/") ? "directory" : type;
  if (meant !== "file" && meant !== "link" && stored > 0) throw invalid(name, `a ${meant} with data`);
  return meant;
}

/** Two names from two kinds of header: readers disagree which counts. */
function oneOf(
  pax: ByteString | undefined,
  gnu: ByteString | undefined,
  header: TarHeader,
): ByteString | undefined {
  if (pax !== undefined && gnu !== undefined) throw invalid(header.name, "both a PAX and a GNU long name");
  return pax ?? gnu;
}

function isSparse(records: PaxRecords, { name }: TarHeader): boolean {
  if (![...records.keys()].some((key) => key.startsWith("GNU.sparse."))) return false;
  const version = ["major", "minor"].map(
    (part) => records.get(`GNU.sparse.${part}`)?.toString("latin1") ?? "?",
  );
  if (version.join(".") === "1.0") return true;
  throw invalid(name, "unsupported sparse format (only PAX 1.0 is)");
}

function realSize(
  number: (key: string, what: { max: number; fallback: number }) => number,
  name: ByteString,
): number {
  const size = number("GNU.sparse.realsize", { max: Number.MAX_SAFE_INTEGER, fallback: -1 });
  if (size < 0) throw invalid(name, "sparse file without GNU.sparse.realsize");
  return size;
}

function invalid(name: ByteString, reason: string): Failure {
  return new Failure("LAYER_INVALID", `entry "${showBytes(name)}": ${reason}`);
}
