import { describe, expect, test } from "vitest";
import type { Change } from "../../../src/layer/listing.ts";
import { mergeListings } from "../../../src/layer/merge-listings.ts";
import { withMountTargets } from "../../../src/layer/mount-targets.ts";
import { lookup, resolvePath, type Tree, walkTree } from "../../../src/layer/tree.ts";

const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 5n, xattrs: [] };
const directory = (path: string): Change => ({
  kind: "add",
  path,
  node: { type: "directory", ...attributes },
});
const file = (path: string): Change => ({
  kind: "add",
  path,
  node: { type: "file", ...attributes, size: 1, sha256: "ab".repeat(32) },
});
const symlink = (path: string, target: string): Change => ({
  kind: "add",
  path,
  node: { type: "symlink", ...attributes, target },
});

const TREE: Tree = mergeListings([
  {
    changes: [
      directory("etc"),
      file("etc/passwd"),
      symlink("etc/mtab", "../proc/self/mounts"),
      symlink("etc/resolv.conf", "/run/resolv.conf"),
      symlink("lib", "usr/lib"),
      symlink("loop", "loop2"),
      symlink("loop2", "./loop"),
      symlink("out", "../../../etc"),
      directory("run"),
      directory("usr"),
      directory("usr/lib"),
      file("usr/lib/libc.so"),
      file("usr/\u00c3\u00bc"),
      symlink("var", "/usr/../usr"),
    ],
  },
]);

describe("lookup()", () => {
  test.each([
    ["/", "directory"],
    ["", "directory"],
    ["/etc/passwd", "file"],
    ["etc//./passwd", "file"],
    ["lib", "symlink"],
    ["usr/ü", "file"],
    ["lib/libc.so", undefined],
    ["etc/passwd/x", undefined],
    ["none", undefined],
  ])("%j is %s", (path, type) => {
    expect(lookup(TREE, path)?.type).toBe(type);
  });
});

describe("resolvePath()", () => {
  test.each([
    ["/lib/libc.so", "usr/lib/libc.so", "file"],
    ["var/lib/libc.so", "usr/lib/libc.so", "file"],
    ["out/passwd", "etc/passwd", "file"],
    ["../../etc/passwd", "etc/passwd", "file"],
    ["usr/lib/../../etc", "etc", "directory"],
    ["etc/resolv.conf", "run/resolv.conf", undefined],
    ["etc/mtab", "proc/self/mounts", undefined],
    ["none/../etc", "etc", "directory"],
    ["none/a/b", "none/a/b", undefined],
    ["etc/passwd/x", "etc/passwd/x", undefined],
    ["/", "", "directory"],
  ])("%j leads to %j", (path, expected, type) => {
    const { path: found, entry } = resolvePath(TREE, path);
    expect([found, entry?.type]).toEqual([expected, type]);
  });

  test("a symlink loop is an error", () => {
    expect(() => resolvePath(TREE, "loop/x")).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: "loop/x: too many symlinks in the image" }),
    );
  });
});

test("walkTree() gives directories before what they hold, by name as bytes", () => {
  expect([...walkTree(TREE)].map(({ path }) => path).slice(0, 8)).toEqual([
    "",
    "etc",
    "etc/mtab",
    "etc/passwd",
    "etc/resolv.conf",
    "lib",
    "loop",
    "loop2",
  ]);
});

describe("withMountTargets()", () => {
  const added = (tree: Tree): string[] => {
    const before = new Set([...walkTree(TREE)].map(({ path }) => path));
    return [...walkTree(tree)]
      .filter(({ path }) => !before.has(path))
      .map(({ path, entry }) => `${entry.type} ${path}`);
  };

  test("adds what is missing, following symlinks inside the tree, and leaves the given tree alone", () => {
    const before = [...walkTree(TREE)].length;
    const tree = withMountTargets(TREE, [
      { path: "/proc", type: "dir" },
      { path: "/etc/resolv.conf", type: "file" },
      { path: "/var/a/b", type: "dir" },
      { path: "/etc", type: "dir" },
      { path: "/etc/passwd", type: "file" },
      { path: "/proc", type: "dir" },
    ]);
    expect(added(tree)).toEqual([
      "directory proc",
      "file run/resolv.conf",
      "directory usr/a",
      "directory usr/a/b",
    ]);
    expect(lookup(tree, "/proc")).toMatchObject({ mode: 0o755, uid: 0, gid: 0 });
    expect(lookup(tree, "/run/resolv.conf")).toMatchObject({ mode: 0o644, size: 0 });
    expect(lookup(tree, "/usr")).toMatchObject({ mtime: 5n });
    expect([...walkTree(TREE)]).toHaveLength(before);
  });

  test.each([
    ["/etc/passwd", "dir", "cannot mount on /etc/passwd: the image has a file there, not a directory"],
    ["/etc", "file", "cannot mount on /etc: the image has a directory there, not a file"],
    ["/etc/passwd/x", "dir", "cannot mount on /etc/passwd/x: a file of the image is on the way"],
    ["/loop", "dir", "/loop: too many symlinks in the image"],
  ] as const)("refuses %s as a %s", (path, type, message) => {
    expect(() => withMountTargets(TREE, [{ path, type }])).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message }),
    );
  });
});
