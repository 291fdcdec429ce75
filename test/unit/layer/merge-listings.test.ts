import { describe, expect, test } from "vitest";
import { ListingBuilder } from "../../../src/layer/listing-builder.ts";
import { decodeListing, encodeListing } from "../../../src/layer/listing-format.ts";
import { mergeListings } from "../../../src/layer/merge-listings.ts";
import type { TarEntry } from "../../../src/layer/tar-entry.ts";
import { type Tree, walkTree } from "../../../src/layer/tree.ts";

/*
 * One letter for the type, then the name, then ` -> target` for links; `@N` gives mode 0oN (default 755 for directories, 644 else):
 * d directory, f file, s symlink, h hard link, c character device, p fifo. A file's content is known by `#text`.
 */
type Layer = string[];

function entryOf(line: string, at: number): { entry: TarEntry; sha256: string } {
  const [, letter = "f", name = "", mode, content, target = ""] =
    /^(\w) (\S*?)(?:@(\d+))?(?:#(\S+))?(?: -> (\S+))?$/.exec(line) ?? [];
  const type = { d: "directory", f: "file", s: "symlink", h: "link", c: "char", p: "fifo" }[
    letter
  ] as TarEntry["type"];
  const entry: TarEntry = {
    type,
    name,
    target,
    mode: Number.parseInt(mode ?? (letter === "d" ? "755" : "644"), 8),
    uid: 0,
    gid: 0,
    size: type === "file" && !name.includes(".wh.") ? 1 : 0,
    mtime: BigInt(at),
    major: 1,
    minor: 3,
    xattrs: [],
  };
  return { entry, sha256: Buffer.from((content ?? name).padEnd(32).slice(0, 32), "latin1").toString("hex") };
}

/** Merges; every listing goes through its file format on the way. */
function merge(layers: Layer[]): Tree {
  const listings = layers.map((layer) => {
    const builder = new ListingBuilder();
    for (const [at, line] of layer.entries()) {
      const { entry, sha256 } = entryOf(line, at + 1);
      builder.add(entry, sha256);
    }
    return decodeListing(encodeListing(builder.finish()), "listing");
  });
  return mergeListings(listings);
}

/** The tree as lines: `a/`, `a/f`, `l -> target`; mode when it is not the default, content when it is not the name. */
function show(tree: Tree): string[] {
  return [...walkTree(tree)].slice(1).map(({ path, entry }) => {
    const isDirectory = entry.type === "directory";
    const mode = entry.mode === (isDirectory ? 0o755 : 0o644) ? "" : `@${entry.mode.toString(8)}`;
    const content = entry.type === "file" ? Buffer.from(entry.sha256, "hex").toString().trim() : "";
    const shown = content === "" || content === path ? "" : `#${content}`;
    const target = entry.type === "symlink" ? ` -> ${entry.target}` : "";
    const type = entry.type === "char" || entry.type === "fifo" ? ` (${entry.type})` : "";
    return `${path}${isDirectory ? "/" : ""}${mode}${shown}${target}${type}`;
  });
}

const tree = (layers: Layer[]): string[] => show(merge(layers));

interface Case {
  name: string;
  layers: Layer[];
  expected: string[];
}

/* The rules R1 to R17 are those of OCI image-spec layer.md; the last layer of each case is also tried in reverse order of its entries. */
const CASES: Case[] = [
  { name: "no layers", layers: [], expected: [] },
  { name: "an empty layer", layers: [[], ["f a"], []], expected: ["a"] },
  { name: "layers add up", layers: [["d a", "f a/b"], ["f a/c"]], expected: ["a/", "a/b", "a/c"] },
  { name: "an upper file replaces a lower one", layers: [["f a"], ["f a#new"]], expected: ["a#new"] },
  { name: "a missing parent is made 0755", layers: [["f a/b/c"]], expected: ["a/", "a/b/", "a/b/c"] },
  { name: "a whiteout hides a file", layers: [["f a", "f b"], ["f .wh.a"]], expected: ["b"] },
  {
    name: "a whiteout hides a directory with all below",
    layers: [["d a", "f a/b/c"], ["f .wh.a"]],
    expected: [],
  },
  {
    name: "a whiteout hides a symlink, not its target",
    layers: [["d t", "s l -> t"], ["f .wh.l"]],
    expected: ["t/"],
  },
  { name: "a whiteout of nothing is ignored", layers: [["f a"], ["f .wh.b", "f x/.wh.y"]], expected: ["a"] },
  {
    name: "a whiteout leaves the same layer's file (R11)",
    layers: [["f a"], ["f a#new", "f .wh.a"]],
    expected: ["a#new"],
  },
  {
    name: "a whiteout leaves the same layer's names that sort before it",
    layers: [["f -foo"], ["f -foo#new", "f .wh.-foo"]],
    expected: ["-foo#new"],
  },
  {
    name: "a whiteout of a directory leaves what the same layer has in it",
    layers: [
      ["d d@700", "f d/old"],
      ["f .wh.d", "f d/new"],
    ],
    expected: ["d/", "d/new"],
  },
  {
    name: "a whiteout that is a hard link (aufs)",
    layers: [["f a"], ["h .wh.a -> .wh..wh.aufs"]],
    expected: [],
  },
  {
    name: "a whiteout in its own layer hides nothing of later layers",
    layers: [["f .wh.a"], ["f a"]],
    expected: ["a"],
  },
  {
    name: "a whiteout through a lower symlink stays inside",
    layers: [["f t/a", "s l -> t"], ["f l/.wh.a"]],
    expected: ["l -> t", "t/"],
  },
  {
    name: "opaque hides all lower children (R13)",
    layers: [
      ["f d/a", "f d/s/b"],
      ["f d/.wh..wh..opq", "f d/c"],
    ],
    expected: ["d/", "d/c"],
  },
  {
    name: "opaque without an entry for the directory keeps its attributes",
    layers: [["d d@700", "f d/a"], ["f d/.wh..wh..opq"]],
    expected: ["d/@700"],
  },
  {
    name: "opaque at the root",
    layers: [
      ["f a", "d b"],
      ["f .wh..wh..opq", "f c"],
    ],
    expected: ["c"],
  },
  { name: "opaque of nothing is ignored", layers: [["f a"], ["f d/.wh..wh..opq"]], expected: ["a"] },
  {
    name: "opaque beside an entry for the directory",
    layers: [
      ["d d", "f d/a"],
      ["d d@711", "f d/.wh..wh..opq", "f d/b"],
    ],
    expected: ["d/@711", "d/b"],
  },
  {
    name: "a directory entry replaces a lower directory's attributes (R5)",
    layers: [["d d", "f d/a"], ["d d@700"]],
    expected: ["d/@700", "d/a"],
  },
  {
    name: "a file in a lower directory leaves its attributes",
    layers: [["d d@1777"], ["f d/a"]],
    expected: ["d/@1777", "d/a"],
  },
  { name: "file to directory", layers: [["f a"], ["d a", "f a/b"]], expected: ["a/", "a/b"] },
  { name: "directory to file", layers: [["d a", "f a/b"], ["f a"]], expected: ["a"] },
  { name: "directory to symlink", layers: [["d a", "f a/b"], ["s a -> c"]], expected: ["a -> c"] },
  {
    name: "symlink to directory is replaced, never followed (R6)",
    layers: [
      ["d t", "s a -> t"],
      ["d a", "f a/b"],
    ],
    expected: ["a/", "a/b", "t/"],
  },
  {
    name: "symlink to file is replaced",
    layers: [["f t", "s a -> t"], ["f a#new"]],
    expected: ["a#new", "t"],
  },
  {
    name: "file to device and fifo",
    layers: [
      ["f a", "f b"],
      ["c a", "p b"],
    ],
    expected: ["a (char)", "b (fifo)"],
  },
  {
    name: "a file through a lower symlink goes where it leads",
    layers: [["d usr/lib", "s lib -> usr/lib"], ["f lib/x"]],
    expected: ["lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/x#lib/x"],
  },
  {
    name: "an absolute lower symlink leads from the image's root",
    layers: [["d run", "s var/run -> /run"], ["f var/run/x"]],
    expected: ["run/", "run/x#var/run/x", "var/", "var/run -> /run"],
  },
  {
    name: "a lower symlink to nothing has its target made",
    layers: [["s var/run -> ../run"], ["f var/run/x"]],
    expected: ["run/", "run/x#var/run/x", "var/", "var/run -> ../run"],
  },
  {
    name: "a child below a lower file replaces it by a directory",
    layers: [["f a"], ["f a/b"]],
    expected: ["a/", "a/b"],
  },
  { name: "a hard link in one layer", layers: [["f a", "h b -> a"]], expected: ["a", "b#a"] },
  {
    name: "a hard link to a symlink is the symlink",
    layers: [["s a -> x", "h b -> ./a"]],
    expected: ["a -> x", "b -> x"],
  },
  {
    name: "a hard link of a hard link",
    layers: [["f z", "h b -> z", "h c -> b"]],
    expected: ["b#z", "c#z", "z"],
  },
  {
    name: "a hard link to a lower file",
    layers: [["f d/a"], ["h b -> d/a"]],
    expected: ["b#d/a", "d/", "d/a"],
  },
  {
    name: "a hard link to a lower file that this layer hides",
    layers: [["f a"], ["f .wh.a", "h b -> a"]],
    expected: ["b#a"],
  },
  {
    name: "a hard link replaces what was there",
    layers: [["d b", "f b/c", "f a"], ["h b -> a"]],
    expected: ["a", "b#a"],
  },
  {
    name: "aufs' own files are no part of the image",
    layers: [["d .wh..wh.plnk", "f .wh..wh.plnk/1.2", "f .wh..wh.aufs", "f a"]],
    expected: ["a"],
  },
  { name: "the root's own entry", layers: [["d ./"], ["d ./@700", "f a"]], expected: ["a"] },
];

describe("mergeListings()", () => {
  test.each(CASES)("$name", ({ layers, expected }) => {
    expect(tree(layers)).toEqual(expected);
  });

  /* A hard link must come after its target, everything else may be anywhere. */
  test.each(CASES.filter(({ layers }) => !layers.flat().some((line) => line.startsWith("h "))))(
    "$name, in reverse order",
    ({ layers, expected }) => {
      expect(tree(layers.map((layer) => layer.toReversed()))).toEqual(expected);
    },
  );

  test("names are bytes: invalid UTF-8, and composed beside decomposed", () => {
    const names = ["e\xcc\x81", "\xc3\xa9", "\xff\x01"];
    expect(tree([names.map((name) => `f ${name}`)]).map((line) => line.split("#")[0])).toEqual(names);
  });

  test("the root takes the attributes of its entry", () => {
    expect(merge([["d ./@711"]]).root.mode).toBe(0o711);
    expect(merge([["d ./@711"], ["f a"]]).root.mode).toBe(0o711);
    expect(merge([["f a"]]).root).toMatchObject({ mode: 0o755, uid: 0, gid: 0, mtime: 0n });
  });

  test("names of one file are one object, also across layers; a redeclared one goes its own way", () => {
    const { children } = merge([["f a", "h b -> a"], ["h c -> b"]]).root;
    expect(children.get("b")).toBe(children.get("a"));
    expect(children.get("c")).toBe(children.get("a"));
    const redone = merge([["f a", "h b -> a", "f a#new"]]).root.children;
    expect(show({ root: merge([["f a", "h b -> a", "f a#new"]]).root })).toEqual(["a#new", "b#a"]);
    expect(redone.get("a")).not.toBe(redone.get("b"));
  });

  test("of two entries for one path the last wins (R1 forbids them)", () => {
    expect(tree([["f a#first", "f a#last"]])).toEqual(["a#last"]);
    expect(tree([["f a", "d a", "f a/b"]])).toEqual(["a/", "a/b"]);
  });

  test("the listings stay as they are", () => {
    const builder = new ListingBuilder();
    builder.add(entryOf("d d", 1).entry);
    const listing = builder.finish();
    const before = encodeListing(listing);
    const upper = new ListingBuilder();
    upper.add(entryOf("d d@700", 1).entry);
    mergeListings([listing, upper.finish()]);
    expect(encodeListing(listing)).toEqual(before);
  });

  test.each<[string, Layer[], string, string]>([
    [
      "an empty whiteout (R8)",
      [["f a"], ["f .wh."]],
      "LAYER_UNSAFE",
      'entry ".wh.": whiteout without a name',
    ],
    ["a whiteout of `..`", [["f d/.wh..."]], "LAYER_UNSAFE", 'entry "d/.wh...": whiteout without a name'],
    ["a whiteout of `.`", [["f d/.wh.."]], "LAYER_UNSAFE", 'entry "d/.wh..": whiteout without a name'],
    [
      "a whiteout that is a directory (R12)",
      [["d .wh.a"]],
      "LAYER_INVALID",
      'entry ".wh.a": a whiteout must be a regular file, not a directory',
    ],
    [
      "a directory named like a whiteout (R9)",
      [["f .wh.a/b"]],
      "LAYER_INVALID",
      "a directory's name begins with .wh.",
    ],
    [
      "a root that is a symlink",
      [["s ./ -> /etc"]],
      "LAYER_UNSAFE",
      'entry "./": the root must be a directory',
    ],
    ["a root that is a file", [["f /."]], "LAYER_UNSAFE", 'entry "/.": the root must be a directory'],
    ["a root that is a hard link", [["h . -> a"]], "LAYER_UNSAFE", "the root must be a directory"],
    [
      "a file through a symlink of its own layer",
      [["s l -> /etc", "f l/passwd"]],
      "LAYER_UNSAFE",
      'entry "l/passwd": lies below "l", a symlink of the same layer',
    ],
    [
      "a file through a lower symlink that leads out",
      [["s l -> ../../etc"], ["f l/passwd"]],
      "LAYER_UNSAFE",
      'entry below "l": a symlink leads out of the image',
    ],
    [
      "a whiteout through a lower symlink that leads out",
      [["s l -> ../x"], ["f l/.wh.a"]],
      "LAYER_UNSAFE",
      "leads out of the image",
    ],
    [
      "a symlink loop on the way",
      [["s a -> b", "s b -> a"], ["f a/x"]],
      "LAYER_UNSAFE",
      'entry below "a": too many symlinks',
    ],
    [
      "a file below a file of the same layer",
      [["f a", "f a/b"]],
      "LAYER_INVALID",
      'entry "a/b": lies below "a", a file of the same layer',
    ],
    [
      "a hard link to nothing",
      [["h a -> none"]],
      "LAYER_INVALID",
      'entry "a": hard link to "none", which does not exist in this layer or below',
    ],
    [
      "a hard link before its target",
      [["h a -> b", "f b"]],
      "LAYER_INVALID",
      'entry "a": hard link to "b", which comes later in the archive',
    ],
    ["a hard link to itself", [["h a -> a"]], "LAYER_INVALID", "hard link to itself"],
    [
      "a hard link to a directory (R4)",
      [["d d", "h a -> d"]],
      "LAYER_INVALID",
      'entry "a": hard link to the directory "d"',
    ],
    [
      "a hard link to a lower directory",
      [["d d"], ["h a -> d"]],
      "LAYER_INVALID",
      'entry "a": hard link to the directory "d"',
    ],
    ["a hard link to the root", [["h a -> ."]], "LAYER_INVALID", 'hard link to ""'],
    [
      "a hard link out of the tree",
      [["h a -> ../../etc/passwd"]],
      "LAYER_UNSAFE",
      'entry "a": hard link target "../../etc/passwd": the name contains `..`',
    ],
    [
      "a hard link to an absolute name",
      [["h a -> /etc/passwd"]],
      "LAYER_UNSAFE",
      'entry "a": hard link target "/etc/passwd": the name is absolute',
    ],
    [
      "a hard link through a lower symlink",
      [["f t/a", "s l -> t"], ["h b -> l/a"]],
      "LAYER_INVALID",
      'hard link to "l/a", which does not exist',
    ],
    [
      "a hard link through a symlink of its own layer",
      [["s l -> /etc", "h b -> l/passwd"]],
      "LAYER_INVALID",
      'hard link to "l/passwd", which does not exist',
    ],
    ["`..`", [["f a/../../b"]], "LAYER_UNSAFE", "the name contains `..`"],
    ["an absolute name", [["f /etc/passwd"]], "LAYER_UNSAFE", "the name is absolute"],
    ["a symlink without target", [["s a"]], "LAYER_INVALID", 'entry "a": symlink without a target'],
  ])("refuses %s", (_, layers, code, message) => {
    expect(() => merge(layers)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });
});
