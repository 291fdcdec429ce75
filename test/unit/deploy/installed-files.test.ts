import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { parseExportsManifest } from "../../../src/deploy/exports.ts";
import { installedFiles, renamed } from "../../../src/deploy/installed-files.ts";
import { byteStringOf } from "../../../src/layer/byte-string.ts";
import type { Leaf } from "../../../src/layer/listing.ts";
import { type TreeDirectory, walkTree } from "../../../src/layer/tree.ts";
import { failureOf } from "../../support/failures.ts";

const OWNED = { mode: 0o644, uid: 0, gid: 0, mtime: 0n, xattrs: [] };

interface Given {
  content?: string;
  target?: string;
  type?: "char" | "fifo" | "directory";
  mode?: number;
  uid?: number;
  gid?: number;
}

/** A tree of files by path; a directory on the way is made. */
function hostfs(files: Record<string, Given>): TreeDirectory {
  const root = directory();
  for (const [path, given] of Object.entries(files)) {
    const names = path.split("/").map(byteStringOf);
    const last = names.pop() ?? "";
    let at = root;
    for (const name of names) {
      const next = (at.children.get(name) as TreeDirectory | undefined) ?? directory();
      at.children.set(name, next);
      at = next;
    }
    at.children.set(last, entry(given));
  }
  return root;
}

function directory(more: Given = {}): TreeDirectory {
  return { ...OWNED, mode: 0o755, ...more, type: "directory", children: new Map() };
}

function entry({ content = "", target, type, ...more }: Given): Leaf | TreeDirectory {
  if (type === "directory") return directory(more);
  if (type === "fifo") return { ...OWNED, ...more, type };
  if (type === "char") return { ...OWNED, ...more, type, major: 1, minor: 3 };
  if (target !== undefined) return { ...OWNED, ...more, type: "symlink", target };
  return { ...OWNED, ...more, type: "file", size: content.length, sha256: sha256(content) };
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function installed(
  files: Record<string, Given>,
  { manifest = {}, values = {} }: { manifest?: object; values?: Record<string, string> } = {},
) {
  return installedFiles(
    {
      hostfs: [...walkTree({ root: hostfs(files) })].slice(1),
      manifest: parseExportsManifest(Buffer.from(JSON.stringify(manifest)), "image"),
    },
    { values, contentOf: (path) => Buffer.from(files[path]?.content ?? "") },
  );
}

/** Directories that are there only for their files left out. */
const pathsOf = (...args: Parameters<typeof installed>): string[] =>
  installed(...args)
    .files.filter((file) => file.type !== "directory" || file.empty)
    .map(({ path }) => path);

describe("renamed()", () => {
  const renames = new Map([
    ["/usr/container", "/usr/moved"],
    ["/usr/moved/foo", "/opt/foo"],
    ["/etc/a", "/etc/b"],
    ["/etc/b", "/etc/c"],
  ]);
  test.each([
    ["/usr/container/bar/x", "/usr/moved/bar/x"],
    ["/usr/container/foo/x", "/opt/foo/x"],
    ["/usr/containers/x", "/usr/containers/x"],
    ["/etc/a", "/etc/b"],
    ["/other", "/other"],
  ])("%s is %s", (path, expected) => {
    expect(renamed(path, renames)).toBe(expected);
  });
});

describe("installedFiles()", () => {
  test("gives files with owner, mode and where their content lies", () => {
    const { files, rendered } = installed({
      "etc/app.conf": { content: "x", mode: 0o640, uid: 5, gid: 6 },
      "usr/bin/app": { content: "app", mode: 0o4755 },
      "usr/share/none": {},
    });
    expect(files.filter(({ type }) => type === "file")).toEqual([
      {
        ...{ path: "/etc/app.conf", type: "file", mode: 0o640, uid: 5, gid: 6, sha256: sha256("x") },
        ...{ source: "rootfs/exports/hostfs/etc/app.conf", link: false },
      },
      {
        ...{ path: "/usr/bin/app", type: "file", mode: 0o4755, uid: 0, gid: 0, sha256: sha256("app") },
        ...{ source: "rootfs/exports/hostfs/usr/bin/app", link: true },
      },
      // An empty file is one inode with nobody's.
      {
        ...{ path: "/usr/share/none", type: "file", mode: 0o644, uid: 0, gid: 0, sha256: sha256("") },
        ...{ source: "rootfs/exports/hostfs/usr/share/none", link: false },
      },
    ]);
    expect(rendered).toEqual([]);
  });

  test("gives symlinks that lead nowhere or to directories, and empty directories", () => {
    const { files } = installed({
      broken: { target: "/none" },
      "opt/lib": { target: "/usr/lib" },
      "usr/local/placeholder": { type: "directory", mode: 0o750, uid: 7, gid: 8 },
    });
    expect(files.filter((file) => file.type !== "directory" || file.empty)).toEqual([
      { path: "/broken", type: "symlink", uid: 0, gid: 0, target: "/none" },
      { path: "/opt/lib", type: "symlink", uid: 0, gid: 0, target: "/usr/lib" },
      { path: "/usr/local/placeholder", type: "directory", mode: 0o750, uid: 7, gid: 8, empty: true },
    ]);
  });

  test("keeps owner and mode of a directory that files lie in, and does not ask for it by itself", () => {
    const files = { "etc/app": { type: "directory", mode: 0o700, uid: 3, gid: 4 } } as const;
    const root = hostfs(files);
    const app = (root.children.get("etc") as TreeDirectory).children.get("app") as TreeDirectory;
    app.children.set("key", entry({ content: "secret", mode: 0o600 }));
    const manifest = parseExportsManifest(undefined, "image");
    const all = installedFiles(
      { hostfs: [...walkTree({ root })].slice(1), manifest },
      { values: {}, contentOf: () => Buffer.alloc(0) },
    );
    expect(all.files).toContainEqual({
      ...{ path: "/etc/app", type: "directory", mode: 0o700, uid: 3, gid: 4, empty: false },
    });
  });

  test.each<[string, Record<string, Given>, Record<string, string>, string[]]>([
    [
      "a file by a value",
      { "etc/etcd/etcd.conf": {} },
      { "/etc/etcd/etcd.conf": "$CONF_DIRECTORY/$NAME/etcd.conf" },
      ["/etc/etcd-2/etcd.conf"],
    ],
    [
      "a directory and what it holds, empty directories too",
      { "usr/container/foo/bar": {}, "usr/container/none": { type: "directory" } },
      { "/usr/container": "/usr/moved" },
      ["/usr/moved/foo/bar", "/usr/moved/none"],
    ],
    ["to a path written loosely", { "etc/a": {} }, { "/etc/a/": "etc//b/./c" }, ["/etc/b/c"]],
    ["nothing that is not there", { "etc/a": {} }, { "/etc/b": "/etc/c" }, ["/etc/a"]],
  ])("renames %s", (_, files, renameFiles, expected) => {
    const values = { CONF_DIRECTORY: "/etc", NAME: "etcd-2" };
    expect(pathsOf(files, { manifest: { renameFiles }, values })).toEqual(expected);
  });

  test("renders templates by their final path, and copies all else as it is", () => {
    const { files, rendered } = installed(
      {
        "usr/lib/message": { content: "unknown $RECEIVER" },
        "usr/lib/template": { content: "hello $RECEIVER $$", mode: 0o600, uid: 9 },
      },
      {
        manifest: {
          renameFiles: { "/usr/lib/template": "/usr/lib/$NAME" },
          installedFilesTemplate: ["/usr/lib/hello", "/usr/lib/message-2"],
        },
        values: { NAME: "hello", RECEIVER: "you" },
      },
    );
    expect(rendered).toEqual([{ name: "rendered-0", text: "hello you $", mode: 0o600 }]);
    expect(files.filter(({ type }) => type === "file")).toEqual([
      {
        ...{
          path: "/usr/lib/hello",
          type: "file",
          mode: 0o600,
          uid: 9,
          gid: 0,
          sha256: sha256("hello you $"),
        },
        ...{ source: "rendered-0", link: false },
      },
      expect.objectContaining({ path: "/usr/lib/message", sha256: sha256("unknown $RECEIVER") }),
    ]);
  });

  test("links nothing with useLinks off", () => {
    const { files } = installed({ "usr/bin/app": { content: "app" } }, { manifest: { useLinks: false } });
    expect(files.at(-1)).toMatchObject({ link: false });
  });

  test.each<[string, Record<string, Given>, object, { code: string; message: string }]>([
    ...["proc", "sys", "dev", "boot"].map(
      (name): [string, Record<string, Given>, object, { code: string; message: string }] => [
        `a file below /${name}`,
        { [`${name}/x`]: {} },
        {},
        {
          code: "CONFIG_INVALID",
          message: `the image has a host file /${name}/x: nothing is put into /${name}`,
        },
      ],
    ),
    [
      "one that is renamed there",
      { "etc/x": {} },
      { renameFiles: { "/etc/x": "/boot/x" } },
      { code: "CONFIG_INVALID", message: "the image has a host file /boot/x: nothing is put into /boot" },
    ],
    [
      "a way up",
      { "etc/x": {} },
      { renameFiles: { "/etc/x": "/etc/../boot/x" } },
      { code: "CONFIG_INVALID", message: 'the image renames /etc/x to "/etc/../boot/x"' },
    ],
    [
      "a device",
      { "etc/null": { type: "char" } },
      {},
      { code: "CONFIG_INVALID", message: "the image's host file /etc/null is a character device" },
    ],
    [
      "a pipe",
      { "etc/pipe": { type: "fifo" } },
      {},
      { code: "CONFIG_INVALID", message: "the image's host file /etc/pipe is a named pipe" },
    ],
    [
      "two files of one path",
      { "etc/a": {}, "etc/b": {} },
      { renameFiles: { "/etc/a": "/etc/b" } },
      { code: "CONFIG_INVALID", message: "the image has two host files /etc/b" },
    ],
    [
      "a file below a file",
      { "etc/a": {}, "etc/b": {} },
      { renameFiles: { "/etc/a": "/etc/b/a" } },
      {
        code: "CONFIG_INVALID",
        message: "the image's host file /etc/b/a lies below /etc/b, which is no directory",
      },
    ],
    [
      "a name without a value",
      { "etc/a": {} },
      { renameFiles: { "/etc/a": "/etc/$OTHER" } },
      {
        code: "VALUE_MISSING",
        message: "The template file 'manifest.json' still contains an unreplaced value for: ''OTHER''",
      },
    ],
    [
      "a template without a value",
      { "etc/a": { content: "$OTHER" } },
      { installedFilesTemplate: ["/etc/a"] },
      {
        code: "VALUE_MISSING",
        message: "The template file '/etc/a' still contains an unreplaced value for: ''OTHER''",
      },
    ],
  ])("refuses %s", async (_, files, manifest, expected) => {
    expect(await failureOf(() => installed(files, { manifest }))).toMatchObject(expected);
  });
});
