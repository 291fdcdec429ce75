/** A listing as a tar archive again: what a layer is made of anew when its own archive is gone. */
import { type ByteString, bytesOf } from "./byte-string.ts";
import { baseOf, joinPath, parentOf } from "./entry-path.ts";
import type { Change, DirectoryAttributes, Leaf, Listing, RegularFile } from "./listing.ts";
import { BLOCK, SECOND } from "./tar-header.ts";

const MAX_OCTAL_SIZE = 0o77777777777;
const MAX_OCTAL_ID = 0o7777777;
const FLAGS: Record<(Leaf | DirectoryAttributes)["type"], string> = {
  file: "0",
  symlink: "2",
  char: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/** One member before it is encoded. */
interface Entry {
  flag: string;
  name: ByteString;
  target?: ByteString;
  node?: Leaf | DirectoryAttributes;
  size: number;
}

/**
 * The archive of a layer with these changes: ustar with PAX records where a header has no room, whiteouts as the OCI image-spec writes them. The same bytes for
 * the same listing. `read` gives the content of a file, exactly `size` bytes.
 */
export async function* writeTar(
  { changes }: Listing,
  read: (file: RegularFile) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (const change of changes) {
    const entry = entryOf(change);
    yield encode(entry);
    if (entry.size === 0) continue;
    yield* read(entry.node as RegularFile);
    yield padding(entry.size);
  }
  yield Buffer.alloc(2 * BLOCK);
}

function entryOf(change: Change): Entry {
  const { path } = change;
  switch (change.kind) {
    case "add": {
      const { node } = change;
      const name = node.type === "directory" ? `${path === "" ? "." : path}/` : path;
      const target = node.type === "symlink" ? { target: node.target } : {};
      return { flag: FLAGS[node.type], name, node, size: node.type === "file" ? node.size : 0, ...target };
    }
    case "link":
    case "lower-link":
      return { flag: "1", name: path, target: change.target, size: 0 };
    case "whiteout":
      return { flag: "0", name: joinPath(parentOf(path), `.wh.${baseOf(path)}`), size: 0 };
    case "opaque":
      return { flag: "0", name: joinPath(path, ".wh..wh..opq"), size: 0 };
  }
}

function encode(entry: Entry): Buffer {
  const records = paxOf(entry);
  if (records.length === 0) return header(entry);
  const pax = { flag: "x", name: "PaxHeaders/entry", size: records.length };
  return Buffer.concat([header(pax), records, padding(records.length), header(entry)]);
}

/** What does not fit into the fields of a header. */
function paxOf({ name, target = "", node, size }: Entry): Buffer {
  const records: Buffer[] = [];
  const add = (key: string, value: Buffer | string): void => {
    records.push(record(key, Buffer.from(value as string)));
  };
  if (name.length > 100) add("path", bytesOf(name));
  if (target.length > 100) add("linkpath", bytesOf(target));
  if (size > MAX_OCTAL_SIZE) add("size", String(size));
  if (node === undefined) return Buffer.concat(records);
  if (node.uid > MAX_OCTAL_ID) add("uid", String(node.uid));
  if (node.gid > MAX_OCTAL_ID) add("gid", String(node.gid));
  if (!fitsTime(node.mtime)) add("mtime", decimalSeconds(node.mtime));
  for (const xattr of node.xattrs) records.push(record(`SCHILY.xattr.${xattr.name}`, xattr.value));
  return Buffer.concat(records);
}

/** `LENGTH KEY=VALUE\n`; the length counts its own digits. */
function record(key: ByteString, value: Buffer): Buffer {
  const body = Buffer.concat([bytesOf(` ${key}=`), value, Buffer.from("\n")]);
  let length = body.length + String(body.length).length;
  length = body.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function header({ flag, name, target = "", node, size }: Entry): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (at: number, length: number, value: number): void => {
    block.write(value.toString(8).padStart(length - 1, "0"), at, "latin1");
  };
  bytesOf(name.slice(0, 100)).copy(block, 0);
  octal(100, 8, node?.mode ?? 0o644);
  octal(108, 8, clamp(node?.uid ?? 0, MAX_OCTAL_ID));
  octal(116, 8, clamp(node?.gid ?? 0, MAX_OCTAL_ID));
  octal(124, 12, clamp(size, MAX_OCTAL_SIZE));
  octal(136, 12, node === undefined || !fitsTime(node.mtime) ? 0 : Number(node.mtime / SECOND));
  block.write("        ", 148, "latin1");
  block.write(flag, 156, "latin1");
  bytesOf(target.slice(0, 100)).copy(block, 157);
  block.write("ustar\x0000", 257, "latin1");
  if (node?.type === "char" || node?.type === "block") {
    octal(329, 8, node.major);
    octal(337, 8, node.minor);
  }
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

function clamp(value: number, max: number): number {
  return value > max ? 0 : value;
}

/** Whole seconds from 1970 on that eleven octal digits hold. */
function fitsTime(mtime: bigint): boolean {
  return mtime >= 0n && mtime % SECOND === 0n && mtime / SECOND <= BigInt(MAX_OCTAL_SIZE);
}

function decimalSeconds(mtime: bigint): string {
  const [sign, size] = mtime < 0n ? ["-", -mtime] : ["", mtime];
  return `${sign}${size / SECOND}.${String(size % SECOND).padStart(9, "0")}`;
}
