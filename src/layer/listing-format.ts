import { createHash, hash } from "node:crypto";
import { Failure } from "../errors.ts";
import { ByteReader, ByteWriter } from "./byte-stream.ts";
import { byteString } from "./byte-string.ts";
import type { Change, DirectoryAttributes, Leaf, Listing } from "./listing.ts";
import { SECOND } from "./tar-header.ts";
import type { Xattr } from "./xattrs.ts";

/*
 * A listing as a file, version 1:
 *
 *   magic     "berth-listing 1\n"
 *   count     number of changes
 *   change*   tag (one byte), path, then by tag:
 *             1 file       attributes, size, 32 bytes of SHA-256 unless size is 0
 *             2 directory  attributes
 *             3 symlink    attributes, target
 *             4 char, 5 block  attributes, major, minor
 *             6 fifo       attributes
 *             7 link, 8 lower-link  target
 *             9 whiteout, 10 opaque
 *   SHA-256   32 bytes, of all before
 *
 * number      LEB128, seven bits a byte, least first
 * bytes       length (number), then the bytes
 * path        how many bytes it shares with the path before (number), then the rest (bytes)
 * attributes  mode, uid, gid (numbers), seconds (number, zigzag), nanoseconds (number), how many xattrs (number), name and value (bytes) of each
 */
const MAGIC = Buffer.from("berth-listing 1\n");
const ANY_MAGIC = /^berth-listing [0-9]+\n/;
const HASH = 32;

const TAGS = { file: 1, directory: 2, symlink: 3, char: 4, block: 5, fifo: 6 } as const;
const LINK = 7;
const LOWER_LINK = 8;
const WHITEOUT = 9;
const OPAQUE = 10;

export function encodeListing({ changes }: Listing): Buffer {
  const writer = new ByteWriter();
  writer.raw(MAGIC);
  writer.number(changes.length);
  let last = "";
  for (const change of changes) {
    writer.number(tagOf(change));
    const shared = sharedPrefix(last, change.path);
    writer.number(shared);
    writer.string(change.path.slice(shared));
    last = change.path;
    if (change.kind === "add") writeNode(writer, change.node);
    else if (change.kind === "link" || change.kind === "lower-link") writer.string(change.target);
  }
  const body = writer.bytes();
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

/** STORE_CORRUPT naming `what` for a file that is cut or altered, STORE_FORMAT for one of a later version. */
export function decodeListing(bytes: Buffer, what: string): Listing {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    const isOurs = ANY_MAGIC.test(bytes.toString("latin1", 0, 32));
    throw new Failure(
      isOurs ? "STORE_FORMAT" : "STORE_CORRUPT",
      isOurs ? `${what} was written by a later version of berth` : `${what} is not a layer listing`,
    );
  }
  const body = bytes.subarray(0, bytes.length - HASH);
  if (hash("sha256", body, "hex") !== bytes.toString("hex", body.length))
    throw new Failure("STORE_CORRUPT", `${what} is damaged`, {
      hint: "Pull the image again after `berth prune`.",
    });
  const reader = new ByteReader(body, MAGIC.length);
  const changes: Change[] = [];
  const count = reader.number();
  let last = "";
  for (let at = 0; at < count; at++) {
    const tag = reader.number();
    last = last.slice(0, reader.number()) + reader.string();
    changes.push(readChange(reader, { tag, path: last }));
  }
  return { changes };
}

function tagOf(change: Change): number {
  switch (change.kind) {
    case "add":
      return TAGS[change.node.type];
    case "link":
      return LINK;
    case "lower-link":
      return LOWER_LINK;
    case "whiteout":
      return WHITEOUT;
    case "opaque":
      return OPAQUE;
  }
}

function writeNode(writer: ByteWriter, node: Leaf | DirectoryAttributes): void {
  writer.number(node.mode);
  writer.number(node.uid);
  writer.number(node.gid);
  const nanoseconds = ((node.mtime % SECOND) + SECOND) % SECOND;
  const seconds = Number((node.mtime - nanoseconds) / SECOND);
  writer.number(seconds < 0 ? -2 * seconds - 1 : 2 * seconds);
  writer.number(Number(nanoseconds));
  writer.number(node.xattrs.length);
  for (const { name, value } of node.xattrs) {
    writer.string(name);
    writer.string(byteString(value));
  }
  if (node.type === "file") {
    writer.number(node.size);
    if (node.size > 0) writer.raw(Buffer.from(node.sha256, "hex"));
  } else if (node.type === "symlink") writer.string(node.target);
  else if (node.type === "char" || node.type === "block") {
    writer.number(node.major);
    writer.number(node.minor);
  }
}

function readChange(reader: ByteReader, { tag, path }: { tag: number; path: string }): Change {
  switch (tag) {
    case LINK:
      return { kind: "link", path, target: reader.string() };
    case LOWER_LINK:
      return { kind: "lower-link", path, target: reader.string() };
    case WHITEOUT:
      return { kind: "whiteout", path };
    case OPAQUE:
      return { kind: "opaque", path };
    default:
      return { kind: "add", path, node: readNode(reader, tag) };
  }
}

const NO_XATTRS: readonly Xattr[] = [];

function readNode(reader: ByteReader, tag: number): Leaf | DirectoryAttributes {
  const mode = reader.number();
  const uid = reader.number();
  const gid = reader.number();
  const mtime = readTime(reader);
  const xattrs = readXattrs(reader);
  switch (tag) {
    case TAGS.file: {
      const size = reader.number();
      const sha256 = size === 0 ? "" : reader.hex(HASH);
      return { type: "file", mode, uid, gid, mtime, xattrs, size, sha256 };
    }
    case TAGS.directory:
      return { type: "directory", mode, uid, gid, mtime, xattrs };
    case TAGS.symlink:
      return { type: "symlink", mode, uid, gid, mtime, xattrs, target: reader.string() };
    case TAGS.char:
    case TAGS.block: {
      const type = tag === TAGS.char ? "char" : "block";
      const major = reader.number();
      return { type, mode, uid, gid, mtime, xattrs, major, minor: reader.number() };
    }
    case TAGS.fifo:
      return { type: "fifo", mode, uid, gid, mtime, xattrs };
    default:
      throw new Failure("STORE_CORRUPT", `a layer listing holds an unknown change ${tag}`);
  }
}

function readTime(reader: ByteReader): bigint {
  const zigzag = reader.number();
  const seconds = zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2;
  return BigInt(seconds) * SECOND + BigInt(reader.number());
}

function readXattrs(reader: ByteReader): readonly Xattr[] {
  const count = reader.number();
  if (count === 0) return NO_XATTRS;
  const xattrs: Xattr[] = [];
  for (let at = 0; at < count; at++)
    xattrs.push({ name: reader.string(), value: Buffer.from(reader.string(), "latin1") });
  return xattrs;
}

function sharedPrefix(a: string, b: string): number {
  const limit = Math.min(a.length, b.length);
  let at = 0;
  while (at < limit && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
