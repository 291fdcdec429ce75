/** verify, verify --repair, prune and df on a store that a test damages. */
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Damage } from "../../src/deploy/verify.ts";
import { digestHex, sha256 } from "../../src/oci/digest.ts";
import { Berth } from "../support/berth.ts";
import { makeImage, type TestImage, writeLayout } from "../support/images.ts";
import { listingOf } from "../support/listing-of.ts";

const TOOL = "#!/bin/sh\necho tool\n";
const FILES = {
  "etc/": { mode: 0o755 },
  "etc/passwd": "root:x:0:0\n",
  "usr/bin/tool": { content: TOOL, mode: 0o4755 },
  "usr/share/doc/readme": "read me\n",
  "usr/share/doc/link": { type: "symlink" as const, linkname: "readme" },
  "var/lib/empty": "",
};

let berth: Berth;
let root: string;
let image: TestImage;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "berth-verify-"));
  berth = await Berth.open({ root });
  image = await makeImage({ files: FILES, config: { Entrypoint: ["/usr/bin/tool"] } });
  await writeLayout(berth.path("layout"), { 1: image });
});
afterEach(async () => {
  await berth.close();
  await rm(root, { recursive: true });
});

const reference = (): string => `oci:${berth.path("layout")}:1`;
const store = (...parts: string[]): string => join(berth.path("state/store"), ...parts);
const rootfs = (id: string, ...parts: string[]): string =>
  join(berth.path("state/containers"), id, "rootfs", ...parts);
const objectOf = (content: string, attributes: string): string => {
  const hex = digestHex(sha256(Buffer.from(content)));
  return store("objects", hex.slice(0, 2), `${hex}.${attributes}`);
};
const layerFile = (): string => store("layers", digestHex(image.diffIds[0] ?? image.digest));
const install = (name: string): Promise<unknown> =>
  berth.json("install", reference(), "--name", name, "--runtime", "systemd", "--no-start");

interface Document {
  clean: boolean;
  code?: string;
  checked: Record<string, number>;
  damaged: Damage[];
  repaired?: Damage[];
  problems?: string[];
}

async function verify(...options: string[]): Promise<Document> {
  const { status, stdout, stderr } = await berth.run("--json", "verify", ...options);
  if (stdout === "") throw new Error(stderr);
  const document = JSON.parse(stdout) as Document;
  expect(status).toBe(document.clean ? 0 : 1);
  return document;
}

/** Replaces the content in place, as a write through a hard link does. */
function overwrite(path: string, content: string): void {
  writeFileSync(path, content);
}

test("verify finds a sound store clean and says what it checked", async () => {
  await install("one");
  await install("two");
  expect(await verify()).toMatchObject({
    clean: true,
    checked: { names: 1, images: 1, layers: 1, objects: 3, bytes: 39, deployments: 2 },
    damaged: [],
  });
});

test("verify finds a volume below another mount clean", async () => {
  const volume = ["--volume", "/run/agent:/run/agent"];
  await berth.json(
    ...["install", reference(), "--name", "one", "--runtime", "systemd"],
    ...volume,
    "--no-start",
  );
  expect(await verify()).toMatchObject({ clean: true, damaged: [] });
});

test("verify of an empty store is clean", async () => {
  expect(await verify()).toMatchObject({ clean: true, checked: { objects: 0, deployments: 0 } });
});

describe("verify names, and verify --repair puts right,", () => {
  const cases: [what: string, damage: () => void, found: Partial<Damage>[]][] = [
    [
      "an object written through a hard link",
      () => overwrite(rootfs("one.0", "etc/passwd"), "evil:x:0:0\n"),
      [
        {
          what: "object",
          reason: expect.stringContaining("its content has SHA-256 ") as string,
          deployments: ["one.0", "two.0"],
        },
      ],
    ],
    [
      "an object of another mode",
      () => chmodSync(rootfs("two.0", "usr/bin/tool"), 0o755),
      [
        {
          what: "object",
          reason: "its mode, owner or extended attributes are those of 755.0.0",
          deployments: ["one.0", "two.0"],
        },
      ],
    ],
    [
      "a missing object",
      () => unlinkSync(objectOf(TOOL, "4755.0.0")),
      [{ what: "object", reason: "it is missing", deployments: ["one.0", "two.0"] }],
    ],
    [
      "a listing that is cut",
      () => writeFileSync(layerFile(), readFileSync(layerFile()).subarray(0, 40)),
      [{ what: "layer", reason: "its content is damaged", deployments: [] }],
    ],
    ["a missing listing", () => unlinkSync(layerFile()), [{ what: "layer", reason: "it is missing" }]],
    [
      "a missing listing and all that it lists",
      () => {
        unlinkSync(layerFile());
        rmSync(store("objects"), { recursive: true });
        mkdirSync(store("objects"));
      },
      [{ what: "layer", reason: "it is missing" }],
    ],
    [
      "the record of an image",
      () => writeFileSync(store("images", `${digestHex(image.digest)}.json`), "{}"),
      [{ what: "image", reason: expect.stringContaining("damaged") as string }],
    ],
    [
      "a missing record of an image",
      () => unlinkSync(store("images", `${digestHex(image.digest)}.json`)),
      [{ what: "image", reason: "it is missing" }],
    ],
    [
      "the record of a name",
      () => writeFileSync(store("names", readdirSync(store("names"))[0] ?? ""), '{"name":'),
      [{ what: "name", reason: expect.stringContaining("damaged") as string }],
    ],
    [
      "a file of a deployment that was replaced",
      () => {
        unlinkSync(rootfs("one.0", "etc/passwd"));
        writeFileSync(rootfs("one.0", "etc/passwd"), "evil:x:0:0\n");
      },
      [
        {
          what: "file",
          path: expect.stringMatching(/one\.0\/rootfs\/etc\/passwd$/) as string,
          reason: "its content is not the image's",
          deployments: ["one.0"],
        },
      ],
    ],
    [
      "files of a deployment that are missing, of another type, owner or target, and ones too many",
      () => {
        rmSync(rootfs("one.0", "usr/share"), { recursive: true });
        chownSync(rootfs("two.0", "usr"), 7, 8);
        chmodSync(rootfs("two.0", "proc"), 0o777);
        unlinkSync(rootfs("two.0", "usr/share/doc/link"));
        symlinkSync("/etc/shadow", rootfs("two.0", "usr/share/doc/link"));
        unlinkSync(rootfs("two.0", "etc/passwd"));
        mkdirSync(rootfs("two.0", "etc/passwd"));
        writeFileSync(rootfs("two.0", "etc/passwd/more"), "");
        overwrite(rootfs("two.0", "var/lib/empty"), "not so");
        mkdirSync(rootfs("two.0", "opt"));
        writeFileSync(rootfs("two.0", "opt/more"), "");
      },
      [
        { path: expect.stringMatching(/one\.0\/rootfs\/usr\/share$/) as string, reason: "it is missing" },
        {
          path: expect.stringMatching(/two\.0\/rootfs\/etc\/passwd$/) as string,
          reason: "it is not a file",
        },
        {
          path: expect.stringMatching(/two\.0\/rootfs\/opt$/) as string,
          reason: "the image has nothing there",
        },
        {
          path: expect.stringMatching(/two\.0\/rootfs\/proc$/) as string,
          reason: "its mode, owner or extended attributes are not the image's",
        },
        {
          path: expect.stringMatching(/two\.0\/rootfs\/usr$/) as string,
          reason: "its mode, owner or extended attributes are not the image's",
        },
        {
          path: expect.stringMatching(/two\.0\/rootfs\/usr\/share\/doc\/link$/) as string,
          reason: "it leads elsewhere",
        },
        {
          path: expect.stringMatching(/two\.0\/rootfs\/var\/lib\/empty$/) as string,
          reason: "it is not empty",
        },
      ],
    ],
  ];
  test.each(cases)("%s", async (_, damage, found) => {
    await install("one");
    await install("two");
    const before = ["one.0", "two.0"].map((id) => listingOf(rootfs(id), { times: true }));
    damage();
    const verified = await verify();
    expect(verified).toMatchObject({ clean: false, code: "STORE_CORRUPT" });
    const sorted = verified.damaged.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    expect(sorted).toEqual(found.map((each) => expect.objectContaining(each) as Damage));
    const repaired = await verify("--repair");
    expect(repaired).toMatchObject({ clean: true, damaged: [], problems: [] });
    expect(repaired.repaired).toHaveLength(found.length);
    expect(await verify()).toMatchObject({ clean: true });
    expect(["one.0", "two.0"].map((id) => listingOf(rootfs(id), { times: true }))).toEqual(before);
    const object = objectOf(TOOL, "4755.0.0");
    expect(lstatSync(rootfs("one.0", "usr/bin/tool")).ino).toBe(lstatSync(object).ino);
    expect(readdirSync(store("tmp"))).toEqual([]);
  });
});

test("verify --repair gives a running service the new file by rename: what is open stays", async () => {
  await install("one");
  const path = rootfs("one.0", "etc/passwd");
  overwrite(path, "evil:x:0:0\n");
  const { ino } = lstatSync(path);
  linkSync(path, berth.path("held"));
  expect(await verify("--repair")).toMatchObject({ clean: true });
  expect(lstatSync(path).ino).not.toBe(ino);
  expect(readFileSync(path, "utf8")).toBe("root:x:0:0\n");
  expect(readFileSync(berth.path("held"), "utf8")).toBe("evil:x:0:0\n");
});

test("verify --repair that cannot fetch says why, exits 1 and leaves all as it was", async () => {
  await install("one");
  overwrite(rootfs("one.0", "etc/passwd"), "evil:x:0:0\n");
  renameSync(berth.path("layout"), berth.path("away"));
  const repaired = await verify("--repair");
  expect(repaired).toMatchObject({
    clean: false,
    repaired: [],
    damaged: [{ what: "object" }],
    problems: [expect.stringContaining(`image ${image.digest}`) as string],
  });
  expect(readFileSync(rootfs("one.0", "etc/passwd"), "utf8")).toBe("evil:x:0:0\n");
});

test("verify --repair removes what is damaged and needed by nothing", async () => {
  await berth.json("pull", reference());
  const stray = store("objects/ab", `${"ab".repeat(32)}.644.0.0`);
  mkdirSync(store("objects/ab"), { recursive: true });
  writeFileSync(stray, "stray");
  writeFileSync(store("layers", "cd".repeat(32)), "stray");
  expect(await verify()).toMatchObject({
    damaged: [
      { what: "layer", images: [], deployments: [] },
      { what: "object", images: [], deployments: [] },
    ],
  });
  expect(await verify("--repair")).toMatchObject({ clean: true });
  expect(existsSync(stray)).toBe(false);
});

test("verify NAME checks that container and its image alone", async () => {
  const other = await makeImage({ files: { other: "other\n" }, config: { Entrypoint: ["/other"] } });
  await writeLayout(berth.path("other"), { 1: other });
  await berth.json("pull", `oci:${berth.path("other")}:1`);
  await install("one");
  await install("two");
  overwrite(objectOf("other\n", "644.0.0"), "evil\n");
  writeFileSync(rootfs("two.0", "more"), "");
  expect(await verify("one")).toMatchObject({ clean: true, checked: { images: 1, deployments: 1 } });
  expect(await verify("two")).toMatchObject({ damaged: [{ what: "file" }] });
  expect(await verify(`oci:${berth.path("other")}:1`)).toMatchObject({ damaged: [{ what: "object" }] });
  expect(await berth.run("verify", "none")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("none") as string,
  });
});

test("verify shows people what is damaged", async () => {
  await install("one");
  overwrite(rootfs("one.0", "etc/passwd"), "evil:x:0:0\n");
  const { stdout } = await berth.run("verify");
  expect(stdout.replaceAll(berth.dir, "DIR").replaceAll(/[0-9a-f]{64}/g, "HEX")).toMatchInlineSnapshot(`
    "damaged object DIR/state/store/objects/7c/HEX.644.0.0
      reason:     its content has SHA-256 HEX
      image:      oci:DIR/layout:1
      deployment: one.0
    3 objects (39 B), 1 layer, 1 image, 1 name, 1 deployment with 5 files checked
    1 file damaged
    berth verify --repair fetches again what is damaged, while services run
    "
  `);
});

test("verify --rate keeps to the rate", async () => {
  const big = await makeImage({ files: { big: Buffer.alloc(3_000_000, 1) } });
  await writeLayout(berth.path("big"), { 1: big });
  await berth.json("pull", `oci:${berth.path("big")}:1`);
  const started = performance.now();
  expect(await verify("--rate", "3MB")).toMatchObject({ clean: true, checked: { bytes: 3_000_000 } });
  expect(performance.now() - started).toBeGreaterThan(900);
});

describe("prune", () => {
  test("keeps what deployments need, current or not, and says what it would drop", async () => {
    await install("one");
    await berth.json("pull", reference());
    const other = await makeImage({ files: { other: "other\n" } });
    await writeLayout(berth.path("other"), { 1: other });
    await berth.json("pull", `oci:${berth.path("other")}:1`);
    for (const name of readdirSync(store("names"))) unlinkSync(store("names", name));
    const gone = { images: 1, layers: 1, objects: 1 };
    expect(await berth.json("prune", "--dry-run")).toMatchObject({ dryRun: true, ...gone });
    expect(await berth.json("prune", "--grace", "1h")).toMatchObject({ images: 0, layers: 0, objects: 0 });
    expect(await berth.json("prune")).toMatchObject({ dryRun: false, ...gone });
    expect(await verify()).toMatchObject({ clean: true, checked: { images: 1, deployments: 1 } });
    await berth.json("uninstall", "one");
    expect(await berth.json("prune")).toMatchObject({ images: 1, layers: 1, objects: 3 });
    expect(readdirSync(store("layers"))).toEqual([]);
  });
});

test("df: shared, unique and reclaimable add up", async () => {
  await install("one");
  const other = await makeImage({ files: { ...FILES, more: Buffer.alloc(100_000, 1) } });
  await writeLayout(berth.path("other"), { 1: other });
  await berth.json("pull", `oci:${berth.path("other")}:1`);
  const usage = await berth.json("df");
  expect(usage).toMatchObject({
    objects: { count: 4 },
    images: [
      { names: [reference()], shared: 12_288, unique: 0 },
      { names: [`oci:${berth.path("other")}:1`], shared: 12_288, unique: 102_400 },
    ],
    deployments: [{ name: "one", deployment: 0, current: true, shared: 12_288 }],
    reclaimable: { bytes: 0 },
  });
  await berth.json("rmi", reference());
  for (const name of readdirSync(store("names"))) unlinkSync(store("names", name));
  const { reclaimable } = await berth.json<{ reclaimable: { objects: number; bytes: number } }>("df");
  expect(reclaimable.objects).toBe(1);
  const pruned = await berth.json<{ bytes: number }>("prune");
  expect(pruned.bytes).toBe(reclaimable.bytes);
});
