import type { ByteString } from "./byte-string.ts";
import type { Xattr } from "./xattrs.ts";

/** What every file has whatever its type (OCI image-spec layer.md, "File Attributes"). */
export interface Attributes {
  /** Permission bits with setuid, setgid, sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Nanoseconds since 1970, negative before. */
  mtime: bigint;
  xattrs: readonly Xattr[];
}

export interface RegularFile extends Attributes {
  type: "file";
  size: number;
  /** SHA-256 of the content in hex. */
  sha256: string;
  /** Something else in the image records its time: see markTimed. */
  timed?: boolean;
}

export interface Symlink extends Attributes {
  type: "symlink";
  target: ByteString;
}

export interface Device extends Attributes {
  type: "char" | "block";
  major: number;
  minor: number;
}

export interface Fifo extends Attributes {
  type: "fifo";
}

/** All that can have several names (hard links). */
export type Leaf = RegularFile | Symlink | Device | Fifo;

export interface DirectoryAttributes extends Attributes {
  type: "directory";
}

/**
 * One change that a layer makes. `link` is one more name of a leaf of the same layer, `lower-link` of one in
 * the layers below; `whiteout` hides `path` of the layers below, `opaque` all that they have in the directory
 * `path`.
 */
export type Change =
  | { kind: "add"; path: ByteString; node: Leaf | DirectoryAttributes }
  | { kind: "link"; path: ByteString; target: ByteString }
  | { kind: "lower-link"; path: ByteString; target: ByteString }
  | { kind: "whiteout"; path: ByteString }
  | { kind: "opaque"; path: ByteString };

/**
 * What a layer holds, sorted by path as bytes, whatever the order in its archive; the target of a `link`
 * comes before it.
 */
export interface Listing {
  changes: Change[];
}
