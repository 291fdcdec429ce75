/** Debian's Python finds its bytecode fresh in every checkout, although another image brought its sources with other times. */
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeTree } from "../../src/store/files.ts";
import { Store } from "../../src/store/store.ts";
import { downloadPackages, unpackPackages } from "../support/lab/debian.ts";
import { imageOf } from "../support/raw-image.ts";

const PACKAGES = ["python3.11-minimal", "libpython3.11-minimal", "libexpat1", "zlib1g", "libc6"];
const LIBRARY = "usr/lib/python3.11";
const PROGRAM = "import argparse, ast, inspect, dis, tokenize, random";
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-python-"));
}, 120_000);
afterAll(async () => {
  await removeTree(dir);
});

/** A layer of all that is in the tree. */
async function layerOf(tree: string): Promise<Buffer> {
  const archive = join(dir, "layer.tar");
  await execa("tar", ["--sort=name", "--numeric-owner", "-C", tree, "-cf", archive, "."]);
  const bytes = await readFile(archive);
  await rm(archive);
  return bytes;
}

/** How often Python compiles a module anew to start a program, and how long that takes, in milliseconds. */
async function start(
  root: string,
  flags: string[] = [],
): Promise<{ stale: number; fresh: number; ms: number }> {
  const argv = [root, "/usr/bin/python3.11", "-S", ...flags, "-c", PROGRAM];
  const { stderr } = await execa("chroot", [...argv.slice(0, 2), "-v", ...argv.slice(2)]);
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const begun = performance.now();
    await execa("chroot", argv);
    times.push(performance.now() - begun);
  }
  return {
    stale: stderr.match(/bytecode is stale/g)?.length ?? 0,
    fresh: stderr.match(/^# code object from .*\.pyc/gm)?.length ?? 0,
    ms: Math.round(Math.min(...times)),
  };
}

test("bytecode is fresh where the sources came first with another image", async () => {
  const debs = await downloadPackages("python", PACKAGES);
  const tree = join(dir, "tree");
  await mkdir(tree);
  await unpackPackages(tree, { debs, names: PACKAGES });
  const sources = await layerOf(join(tree, "."));
  await execa("find", [
    join(tree, LIBRARY),
    "-name",
    "*.py",
    "-exec",
    "touch",
    "-d",
    "@1700000000",
    "{}",
    "+",
  ]);
  await execa("chroot", [tree, "/usr/bin/python3.11", "-c", COMPILE]);
  const compiled = await layerOf(tree);

  const store = await Store.open(join(dir, "state"));
  const [first, second] = [
    imageOf([sources], { compression: "none" }),
    imageOf([compiled], { compression: "none" }),
  ];
  await store.add({ ...first, names: ["first"] }, { blob: first.blob });
  const stored = await store.add({ ...second, names: ["second"] }, { blob: second.blob });
  const root = join(dir, "state/containers/a");
  await store.checkout(await store.tree(stored), root);
  const own = await start(root, ["-B"]);

  // What it would be: every source with the time that the first image brought.
  await execa("find", [
    join(root, LIBRARY),
    "-name",
    "*.py",
    "-exec",
    "touch",
    "-d",
    "@1600000000",
    "{}",
    "+",
  ]);
  const shared = await start(root, ["-B"]);
  process.stderr.write(`start of Python: ${own.ms} ms, with stale bytecode ${shared.ms} ms\n`);
  expect(own).toMatchObject({ stale: 0, fresh: expect.toSatisfy((count: number) => count > 10) });
  expect(shared.stale).toBeGreaterThan(10);
}, 300_000);

/** As compileall does, which the minimal library lacks. */
const COMPILE = `
import os, py_compile
for at, _, names in os.walk("/${LIBRARY}"):
    for name in names:
        if name.endswith(".py"):
            try: py_compile.compile(os.path.join(at, name), doraise=True)
            except py_compile.PyCompileError: pass
`;
