import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bytesOf } from "../../../src/layer/byte-string.ts";
import type { TarEntry } from "../../../src/layer/tar-entry.ts";
import { TarParser } from "../../../src/layer/tar-parser.ts";
import { END, padded, paxEntry, paxRecords, rawEntry, rawHeader, rawTar, tarOf } from "../../support/tar.ts";

interface Parsed extends TarEntry {
  content?: Buffer;
}

/** Parses `archive` given in pieces of `step` bytes. */
function parse(archive: Buffer, step = archive.length || 1): Parsed[] {
  const entries: Parsed[] = [];
  const parser = new TarParser({
    entry: (entry) => entries.push(entry.type === "file" ? { ...entry, content: Buffer.alloc(0) } : entry),
    data: (bytes) => add(Buffer.from(bytes)),
    hole: (length) => add(Buffer.alloc(length)),
    end: () => expect(entries.at(-1)?.content?.length).toBe(entries.at(-1)?.size),
  });
  const add = (bytes: Buffer): void => {
    const last = entries.at(-1) as Parsed;
    last.content = Buffer.concat([last.content ?? Buffer.alloc(0), bytes]);
  };
  for (let at = 0; at < archive.length; at += step) parser.push(archive.subarray(at, at + step));
  parser.end();
  return entries;
}

const summary = (archive: Buffer, step?: number): string[] =>
  parse(archive, step).map(({ type, name, target, content }) =>
    [type, name, ...(target ? [target] : []), ...(content?.length ? [content.toString("latin1")] : [])].join(
      " ",
    ),
  );

const refused = (archive: Buffer): unknown => {
  try {
    return summary(archive);
  } catch (error) {
    return { code: (error as { code: string }).code, message: (error as Error).message };
  }
};

describe("TarParser", () => {
  test("reads what tar-stream writes, whatever the size of the pieces", async () => {
    const archive = await tarOf([
      { name: "dir/", type: "directory", mode: 0o1777 },
      { name: "dir/file", content: "x".repeat(1500), uid: 7, gid: 8, mode: 0o640 },
      { name: `dir/${"long".repeat(60)}`, content: "long" },
      { name: "link", type: "link", linkname: "dir/file" },
      { name: "symlink", type: "symlink", linkname: "../elsewhere" },
      { name: "null", type: "character-device", devmajor: 1, devminor: 3 },
      { name: "disk", type: "block-device", devmajor: 8, devminor: 1 },
      { name: "pipe", type: "fifo" },
      { name: "ü", content: "" },
    ]);
    const whole = parse(archive);
    expect(whole.map(({ type, name }) => `${type} ${bytesOf(name)}`)).toEqual([
      "directory dir/",
      "file dir/file",
      `file dir/${"long".repeat(60)}`,
      "link link",
      "symlink symlink",
      "char null",
      "block disk",
      "fifo pipe",
      "file ü",
    ]);
    expect(whole[1]).toMatchObject({
      uid: 7,
      gid: 8,
      mode: 0o640,
      size: 1500,
      content: Buffer.from("x".repeat(1500)),
    });
    expect(whole[5]).toMatchObject({ major: 1, minor: 3 });
    for (const step of [1, 7, 511, 512, 513, 1000]) expect(parse(archive, step)).toEqual(whole);
  });

  test.each(["v7", "oldgnu", "gnu", "ustar", "posix"])("reads GNU tar's format %s", (format) => {
    const dir = mkdtempSync(join(tmpdir(), "berth-tar-"));
    try {
      execFileSync("sh", ["-ec", "mkdir -p d/e; printf hello > d/e/f; ln d/e/f d/hard; ln -s e/f d/soft"], {
        cwd: dir,
      });
      if (format !== "v7") execFileSync("mkfifo", ["d/pipe"], { cwd: dir });
      const archive = execFileSync("tar", ["--sort=name", `--format=${format}`, "-cf", "-", "d"], {
        cwd: dir,
      });
      expect(summary(archive)).toEqual([
        "directory d/",
        "directory d/e/",
        "file d/e/f hello",
        "link d/hard d/e/f",
        ...(format === "v7" ? [] : ["fifo d/pipe"]),
        "symlink d/soft e/f",
      ]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test.each([["posix"], ["gnu"]])("reads names and targets beyond 100 bytes of GNU tar (%s)", (format) => {
    const dir = mkdtempSync(join(tmpdir(), "berth-tar-"));
    const [name, target] = ["n".repeat(150), "t".repeat(160)];
    try {
      execFileSync("ln", ["-s", target, name], { cwd: dir });
      const archive = execFileSync("tar", [`--format=${format}`, "-cf", "-", name], { cwd: dir });
      expect(summary(archive)).toEqual([`symlink ${name} ${target}`]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test("reads GNU tar's PAX sparse 1.0, holes at the start, between and at the end", () => {
    const dir = mkdtempSync(join(tmpdir(), "berth-tar-"));
    try {
      execFileSync(
        "sh",
        [
          "-ec",
          "truncate -s 3M f; for at in 300 301 500; do printf data | dd of=f bs=4096 seek=$at conv=notrunc status=none; done",
        ],
        { cwd: dir },
      );
      const archive = execFileSync("tar", ["--format=posix", "-S", "-cf", "-", "f"], { cwd: dir });
      expect(archive.length).toBeLessThan(100_000);
      const expected = execFileSync("cat", ["f"], { cwd: dir, maxBuffer: 10_000_000 });
      for (const step of [archive.length, 100]) {
        const [entry] = parse(archive, step);
        expect(entry).toMatchObject({ type: "file", name: "f", size: 3 * 1024 * 1024 });
        expect(entry?.content?.equals(expected)).toBe(true);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test.each<[string, Buffer, string[]]>([
    ["nothing", Buffer.alloc(0), []],
    ["only an end marker", END, []],
    ["no end marker", rawEntry({}, "x"), ["file file x"]],
    ["one block of zeros at the end", Buffer.concat([rawEntry({}, "x"), Buffer.alloc(512)]), ["file file x"]],
    ["the last padding cut", rawEntry({}, "x").subarray(0, 600), ["file file x"]],
    [
      "junk after the end marker",
      Buffer.concat([rawTar(rawEntry({}, "x")), Buffer.from("junk")]),
      ["file file x"],
    ],
    ["a trailing slash on a file is a directory", rawTar(rawEntry({ name: "d/" })), ["directory d/"]],
    [
      "a hard link's size is not data",
      rawTar(rawHeader({ type: "1", linkname: "a", size: 99 })),
      ["link file a"],
    ],
    ["a comment for all entries", rawTar(paxEntry({ comment: "commit" }, "g"), rawEntry({})), ["file file"]],
    [
      "PAX path and linkpath",
      rawTar(paxEntry({ path: "p", linkpath: "q" }), rawEntry({ type: "2", linkname: "x" })),
      ["symlink p q"],
    ],
    ["an empty PAX value takes nothing away", rawTar(paxEntry({ path: "" }), rawEntry({})), ["file file"]],
    [
      "PAX records count for one entry only",
      rawTar(paxEntry({ path: "p" }), rawEntry({}), rawEntry({ name: "next" })),
      ["file p", "file next"],
    ],
    [
      "a PAX size beats the header's",
      rawTar(paxEntry({ size: "3" }), rawHeader({ size: 0 }), padded("abc"), rawEntry({ name: "next" })),
      ["file file abc", "file next"],
    ],
    [
      "a PAX size is not about the long name that follows",
      rawTar(
        paxEntry({ size: "3" }),
        rawEntry({ type: "L" }, "long\0"),
        rawHeader({ size: 0 }),
        padded("abc"),
      ),
      ["file long abc"],
    ],
    [
      "GNU long name and long link",
      rawTar(
        rawEntry({ type: "K" }, "target\0"),
        rawEntry({ type: "L" }, "name\0"),
        rawEntry({ type: "2", linkname: "x" }),
      ),
      ["symlink name target"],
    ],
    ["a name of digits only", rawTar(paxEntry({ path: "0123" }), rawEntry({})), ["file 0123"]],
  ])("reads %s", (_, archive, expected) => {
    expect(summary(archive)).toEqual(expected);
    expect(summary(archive, 100)).toEqual(expected);
  });

  test("reads PAX uid, gid, mtime and xattrs exactly", () => {
    const capability = Buffer.from("0100000202000000000000000000000000000000", "hex");
    const [entry] = parse(
      rawTar(
        paxEntry({
          uid: "4000000000",
          gid: "3000000",
          mtime: "-1.000000007",
          "SCHILY.xattr.user.b": "",
          "SCHILY.xattr.security.capability": capability,
          "SCHILY.xattr.trusted.overlay.opaque": "y",
          "SCHILY.xattr.com.apple.provenance": "x",
          "LIBARCHIVE.xattr.user.c": "eA==",
        }),
        rawEntry({}),
      ),
    );
    expect(entry).toMatchObject({
      uid: 4_000_000_000,
      gid: 3_000_000,
      mtime: -1_000_000_007n,
      xattrs: [
        { name: "security.capability", value: capability },
        { name: "user.b", value: Buffer.alloc(0) },
      ],
    });
  });

  test.each<[string, Buffer, string]>([
    ["type 7", rawTar(rawEntry({ type: "7" })), 'entry "file": unsupported type "7" (contiguous file)'],
    ["type V", rawTar(rawEntry({ type: "V" })), 'entry "file": unsupported type "V" (GNU volume label)'],
    ["type S", rawTar(rawEntry({ type: "S" })), 'entry "file": unsupported type "S" (old GNU sparse file)'],
    ["an unknown type", rawTar(rawEntry({ type: "\x1b" })), 'entry "file": unsupported type "\\x1b"'],
    [
      "data cut",
      rawEntry({}, "x".repeat(600)).subarray(0, 700),
      'entry "file": the archive ends within its data',
    ],
    ["a header cut", rawEntry({}).subarray(0, 300), "the archive ends within a header"],
    ["a PAX header cut", paxEntry({ path: "p" }).subarray(0, 515), "ends within its data"],
    ["a directory with data", rawTar(rawEntry({ type: "5" }, "x")), 'entry "file": a directory with data'],
    [
      "a symlink with data",
      rawTar(rawEntry({ type: "2", linkname: "a" }, "x")),
      'entry "file": a symlink with data',
    ],
    ["an entry after a lone block of zeros", rawTar(Buffer.alloc(512), rawEntry({})), "lone block of zeros"],
    [
      "two PAX headers in a row",
      rawTar(paxEntry({ path: "a" }), paxEntry({ path: "b" }), rawEntry({})),
      "two headers of type x",
    ],
    ["a PAX header without entry", rawTar(paxEntry({ path: "a" })), "belongs to no entry"],
    ["a long name without entry", rawEntry({ type: "L" }, "name\0"), "belongs to no entry"],
    [
      "a PAX path and a GNU long name",
      rawTar(paxEntry({ path: "a" }), rawEntry({ type: "L" }, "b\0"), rawEntry({})),
      "both a PAX and a GNU long name",
    ],
    [
      "a path for all entries",
      rawTar(paxEntry({ path: "a" }, "g"), rawEntry({})),
      'global PAX header sets "path"',
    ],
    ["a PAX header beyond 1 MiB", rawTar(rawHeader({ type: "x", size: 1024 * 1024 + 1 })), "at most 1048576"],
    [
      "a PAX size that is no number",
      rawTar(paxEntry({ size: "-1" }), rawEntry({})),
      "size=-1 is not a number",
    ],
    [
      "a PAX uid out of range",
      rawTar(paxEntry({ uid: "4294967295" }), rawEntry({})),
      "uid 4294967295 is out of range",
    ],
    [
      "PAX sparse 0.1",
      rawTar(paxEntry({ "GNU.sparse.map": "0,1", "GNU.sparse.size": "9" }), rawEntry({}, "x")),
      "unsupported sparse format",
    ],
    [
      "a sparse map that does not add up",
      rawTar(
        paxEntry({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9" }),
        rawEntry({}, Buffer.concat([padded("1\n0\n5\n"), Buffer.from("abc")])),
      ),
      "sparse map and size differ",
    ],
    [
      "a sparse map cut",
      rawTar(
        paxEntry({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9" }),
        rawEntry({}, padded("2\n0\n5\n")),
      ),
      "sparse map: a number is too long",
    ],
  ])("refuses %s", (_, archive, message) => {
    expect(refused(archive)).toEqual({
      code: "LAYER_INVALID",
      message: expect.stringContaining(message) as string,
    });
  });
});

test("paxRecords() of the fixtures counts its own length at the turn to two and three digits", () => {
  for (const length of [1, 2, 3, 90, 91, 92, 93])
    expect(paxRecords({ k: "v".repeat(length) }).toString()).toMatch(/^(\d+) /);
});
