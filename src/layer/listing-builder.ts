import { Failure } from "../errors.ts";
import { type ByteString, showBytes } from "./byte-string.ts";
import { baseOf, entryPath, joinPath, parentOf } from "./entry-path.ts";
import type { Attributes, Change, DirectoryAttributes, Leaf, Listing } from "./listing.ts";
import type { TarEntry } from "./tar-entry.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** aufs' own files (`.wh..wh.plnk`, `.wh..wh.aufs`): no part of the image. */
const AUFS = ".wh..wh.";
const MAX_ENTRIES = 4_000_000;

type Node = Leaf | DirectoryAttributes;
type Slot = Node | { type: "lower-link"; target: ByteString };

/**
 * Makes the listing of one layer from the entries of its archive, by the rules of OCI image-spec layer.md.
 * The order in the archive does not count, except that of two entries for one path the last wins and that a
 * hard link comes after its target.
 */
export class ListingBuilder {
  readonly #slots = new Map<ByteString, Slot>();
  readonly #whiteouts = new Set<ByteString>();
  readonly #opaques = new Set<ByteString>();
  #count = 0;

  /** Takes an entry; `sha256` is that of a file's content. LAYER_INVALID, LAYER_UNSAFE naming the entry. */
  add(entry: TarEntry, sha256 = ""): void {
    if (++this.#count > MAX_ENTRIES) throw new Failure("LAYER_INVALID", `more than ${MAX_ENTRIES} entries`);
    const path = entryPath(entry.name);
    if (path === "" && entry.type !== "directory")
      throw new Failure("LAYER_UNSAFE", `entry "${showBytes(entry.name)}": the root must be a directory`);
    if (isAufs(path)) return;
    if (baseOf(path).startsWith(WHITEOUT)) this.#addWhiteout(path, entry);
    else this.#slots.set(path, entry.type === "link" ? this.#linked(path, entry) : nodeOf(entry, sha256));
  }

  finish(): Listing {
    const changes: Change[] = [];
    const owners = new Map<Node, ByteString>();
    const paths = [...this.#slots.keys()].sort();
    for (const path of paths) {
      this.#checkAncestors(path);
      const slot = this.#slots.get(path) as Slot;
      const owner = slot.type === "lower-link" ? undefined : owners.get(slot);
      if (slot.type === "lower-link") {
        if (this.#slots.has(slot.target))
          throw invalid(path, `hard link to "${showBytes(slot.target)}", which comes later in the archive`);
        changes.push({ kind: "lower-link", path, target: slot.target });
      } else if (owner !== undefined) changes.push({ kind: "link", path, target: owner });
      else {
        owners.set(slot, path);
        changes.push({ kind: "add", path, node: slot });
      }
    }
    for (const path of [...this.#whiteouts].sort()) changes.push({ kind: "whiteout", path });
    for (const path of [...this.#opaques].sort()) changes.push({ kind: "opaque", path });
    return { changes };
  }

  #addWhiteout(path: ByteString, entry: TarEntry): void {
    if (entry.type !== "file" && entry.type !== "link")
      throw invalid(path, `a whiteout must be a regular file, not a ${entry.type}`);
    const name = baseOf(path);
    if (name === OPAQUE) {
      this.#opaques.add(parentOf(path));
      return;
    }
    const hidden = name.slice(WHITEOUT.length);
    if (hidden === "" || hidden === "." || hidden === "..")
      throw new Failure("LAYER_UNSAFE", `entry "${showBytes(path)}": whiteout without a name`);
    this.#whiteouts.add(joinPath(parentOf(path), hidden));
  }

  #linked(path: ByteString, { target }: TarEntry): Slot {
    const to = entryPath(target, `entry "${showBytes(path)}": hard link target`);
    const known = this.#slots.get(to);
    if (known?.type === "directory") throw invalid(path, `hard link to the directory "${showBytes(to)}"`);
    if (to === path && known === undefined) throw invalid(path, "hard link to itself");
    return known ?? { type: "lower-link", target: to };
  }

  /**
   * What lies below an entry of the same layer that is no directory cannot exist beside it; through a symlink
   * it would be elsewhere.
   */
  #checkAncestors(path: ByteString): void {
    for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
      const ancestor = path.slice(0, at);
      const slot = this.#slots.get(ancestor);
      if (slot === undefined || slot.type === "directory") continue;
      const code = slot.type === "symlink" ? "LAYER_UNSAFE" : "LAYER_INVALID";
      throw new Failure(
        code,
        `entry "${showBytes(path)}": lies below "${showBytes(ancestor)}", a ${slot.type} of the same layer`,
      );
    }
  }
}

/**
 * Whether an entry is a file whose content the image will hold: not a whiteout's, not what lies in aufs' own
 * directories.
 */
export function hasContent({ type, name }: TarEntry): boolean {
  return type === "file" && !name.startsWith(WHITEOUT) && !name.includes(`/${WHITEOUT}`);
}

function nodeOf(entry: TarEntry, sha256: string): Node {
  const { mode, uid, gid, mtime, xattrs } = entry;
  const attributes: Attributes = { mode, uid, gid, mtime, xattrs };
  switch (entry.type) {
    case "file":
      return { type: "file", ...attributes, size: entry.size, sha256: entry.size === 0 ? "" : sha256 };
    case "directory":
      return { type: "directory", ...attributes };
    case "symlink":
      return { type: "symlink", ...attributes, target: symlinkTarget(entry) };
    case "char":
    case "block":
      return { type: entry.type, ...attributes, major: entry.major, minor: entry.minor };
    case "fifo":
      return { type: "fifo", ...attributes };
    case "link":
      throw new Error("a hard link has no node of its own");
  }
}

function symlinkTarget({ name, target }: TarEntry): ByteString {
  if (target === "") throw invalid(name, "symlink without a target");
  if (target.length > 4095) throw invalid(name, "symlink target longer than 4095 bytes");
  return target;
}

/** Also refuses what would be made below a name beginning with `.wh.`, which no image may show. */
function isAufs(path: ByteString): boolean {
  if (!path.includes(WHITEOUT)) return false;
  const components = path.split("/");
  if (components.at(-1) === OPAQUE) components.pop();
  if (components.some((component) => component.startsWith(AUFS))) return true;
  if (components.slice(0, -1).some((component) => component.startsWith(WHITEOUT)))
    throw invalid(path, "a directory's name begins with .wh.");
  return false;
}

function invalid(path: ByteString, reason: string): Failure {
  return new Failure("LAYER_INVALID", `entry "${showBytes(path)}": ${reason}`);
}
