/** Stores of others, mounted read-only, used in place of pulling; and stores that lie across mounts. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestHex, sha256 } from "../../src/oci/digest.ts";
import { berthIn, documentOf, stateOf } from "../support/crash.ts";
import { makeImage, type TestImage, writeLayout } from "../support/images.ts";
import { listingOf } from "../support/listing-of.ts";
import { canLoopMount } from "../support/loop-image.ts";

const NAME = "example.com/app:1";
const BASE = {
  "bin/tool": { content: "tool", mode: 0o4755, uid: 7 },
  "etc/link": { type: "symlink" as const, linkname: "x" },
};

let dir: string;
let image: TestImage;
let shared: string;
let root: string;
let mounts: string[];
beforeEach(async () => {
  mounts = [];
  dir = await mkdtemp(join(tmpdir(), "berth-additional-"));
  image = await makeImage({ layers: [BASE, { more: "more\n" }], config: { Entrypoint: ["/bin/tool"] } });
  await writeLayout(join(dir, "layout"), { 1: image });
  const maker = join(dir, "maker");
  mkdirSync(maker);
  await documentOf(maker, "pull", `oci:${join(dir, "layout")}:1`, "--as", NAME);
  await documentOf(maker, "share", "--no-checkout", NAME, join(dir, "export"));
  renameSync(join(dir, "layout"), join(dir, "away"));
  root = join(dir, "root");
  shared = join(root, "srv/images");
  for (const path of [shared, join(root, "etc/berth")]) mkdirSync(path, { recursive: true });
  writeFileSync(join(root, "etc/berth/berth.toml"), 'additional_stores = ["/srv/images"]\n');
});
afterEach(async () => {
  for (const path of mounts.reverse()) await execa("umount", [path]);
  await rm(dir, { recursive: true });
});

async function bind(from: string, to: string, options = "bind"): Promise<void> {
  await execa("mount", ["-o", options, from, to]);
  mounts.push(to);
  if (options.includes("ro")) await execa("mount", ["-o", "remount,bind,ro", to]);
}

const INSTALL = ["install", NAME, "--name", "app", "--runtime", "systemd"];

describe.runIf(canLoopMount)("an additional store that is mounted read-only", () => {
  test("is used in place of pulling: its files are copied once, with all that they are", async () => {
    await bind(join(dir, "export"), shared, "bind,ro");
    await documentOf(root, ...INSTALL);
    const rootfs = join(root, "var/lib/berth/containers/app.0/rootfs");
    expect(lstatSync(join(rootfs, "bin/tool"))).toMatchObject({ uid: 7, nlink: 2, mode: 0o104755 });
    expect(readFileSync(join(rootfs, "more"), "utf8")).toBe("more\n");
    expect(await documentOf(root, "verify")).toMatchObject({
      clean: true,
      checked: { objects: 2, files: 3 },
    });
    const { images } = await documentOf<{ images: { name: string; digest: string }[] }>(root, "images");
    expect(images).toMatchObject([{ name: NAME, digest: image.digest }]);
    const objects = (state: string): string[] => listingOf(join(state, "store/objects"), { times: true });
    const withoutDirectories = (lines: string[]): string[] => lines.filter((line) => !/^\S+ 4 /.test(line));
    expect(withoutDirectories(objects(join(root, "var/lib/berth")))).toEqual(
      withoutDirectories(objects(join(dir, "export"))),
    );
  });

  test("gives its layers to a pull of another image", async () => {
    await bind(join(dir, "export"), shared, "bind,ro");
    const other = await makeImage({ layers: [BASE, { other: "other\n" }] });
    await writeLayout(join(dir, "other"), { 1: other });
    const blob = join(dir, "other/blobs/sha256", digestHex(sha256(other.layers[0] as Buffer)));
    writeFileSync(blob, "never read");
    expect(await documentOf(root, "pull", `oci:${join(dir, "other")}:1`)).toMatchObject({
      fetched: { layers: 1 },
    });
    expect(await documentOf(root, "verify")).toMatchObject({ clean: true });
  });

  test("can be the own store of commands that only read", async () => {
    await bind(join(dir, "export"), shared, "bind,ro");
    const before = stateOf(shared);
    const reader = ["--state", shared];
    expect(await documentOf(root, ...reader, "images")).toMatchObject({ images: [{ name: NAME }] });
    expect(await documentOf(root, ...reader, "verify")).toMatchObject({ clean: true });
    expect(await documentOf(root, ...reader, "df")).toMatchObject({ objects: { count: 2 } });
    expect(await documentOf(root, ...reader, "prune", "--dry-run")).toMatchObject({ objects: 0 });
    expect(stateOf(shared)).toEqual(before);
  });

  test("that is damaged gives nothing", async () => {
    const [prefix = ""] = readdirSync(join(dir, "export/store/objects"));
    const [name = ""] = readdirSync(join(dir, "export/store/objects", prefix));
    chmodSync(join(dir, "export/store/objects", prefix, name), 0o600);
    writeFileSync(join(dir, "export/store/objects", prefix, name), "evil");
    await bind(join(dir, "export"), shared, "bind,ro");
    const { stderr } = await berthIn(root, ...INSTALL);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: "STORE_CORRUPT", message: expect.stringContaining(`${name} is damaged`) as string },
    });
    expect(await documentOf(root, "images")).toMatchObject({ images: [] });
  });
});

test("an additional store that is not there is CONFIG_INVALID, and named", async () => {
  const { status, stderr } = await berthIn(root, ...INSTALL);
  expect(status).toBe(1);
  expect(JSON.parse(stderr)).toMatchObject({
    error: { code: "CONFIG_INVALID", message: `${shared} of additional_stores holds no store` },
  });
});

test.runIf(canLoopMount)(
  "a store and containers on two mounts are refused by check and before an install",
  async () => {
    writeFileSync(join(root, "etc/berth/berth.toml"), "");
    renameSync(join(dir, "away"), join(dir, "layout"));
    await documentOf(root, "pull", `oci:${join(dir, "layout")}:1`, "--as", NAME);
    const containers = join(root, "var/lib/berth/containers");
    await bind(containers, containers);
    const message = `${containers} cannot hold hard links to ${join(root, "var/lib/berth/store")}`;
    const { stdout } = await berthIn(root, "check");
    expect((JSON.parse(stdout) as { findings: object[] }).findings).toContainEqual(
      expect.objectContaining({ what: "state", verdict: "bad", found: message }),
    );
    const { stderr } = await berthIn(root, ...INSTALL);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "CONFIG_INVALID", message } });
    expect(readdirSync(containers).filter((name) => !name.startsWith("."))).toEqual([]);
  },
);

describe.runIf(canLoopMount)("an additional store with a ready checkout", () => {
  const link = (n: number): string => readlinkSync(join(root, `var/lib/berth/containers/app.${n}/rootfs`));
  const ready = (): string => `/srv/images/store/checkouts/${digestHex(image.digest)}`;

  async function share(): Promise<void> {
    await documentOf(join(dir, "maker"), "share", NAME, join(dir, "export"));
    await bind(join(dir, "export"), shared, "bind,ro");
  }

  test("is where the deployment's files are: nothing is copied, and nothing there is written", async () => {
    await share();
    const before = stateOf(shared);
    await documentOf(root, ...INSTALL);
    expect(link(0)).toBe(ready());
    expect(lstatSync(join(shared, "store/checkouts", digestHex(image.digest), "bin/tool")).nlink).toBe(2);
    expect(await documentOf(root, "images")).toMatchObject({ images: [] });
    expect(await documentOf(root, "verify")).toMatchObject({ clean: true, checked: { objects: 0 } });
    const dropIn = readFileSync(join(root, "etc/systemd/system/app.service.d/10-berth.conf"), "utf8");
    expect(dropIn).toContain(`RootDirectory=${ready()}\n`);
    expect(dropIn).toMatch(new RegExp(`^RequiresMountsFor=.* ${ready()}$`, "m"));
    const config = JSON.parse(
      readFileSync(join(root, "var/lib/berth/containers/app.0/config.json"), "utf8"),
    ) as { root: object };
    expect(config.root).toEqual({ path: ready(), readonly: true });
    await documentOf(root, "prune");
    await documentOf(root, "uninstall", "app");
    expect(stateOf(shared)).toEqual(before);
  });

  test("gives an update its newer image, in place too, and a rollback the former one", async () => {
    await documentOf(join(dir, "maker"), "share", NAME, join(dir, "export"));
    await bind(join(dir, "export"), shared);
    await documentOf(root, ...INSTALL);
    const first = link(0);
    const next = await makeImage({
      layers: [BASE, { more: "newer\n" }],
      config: { Entrypoint: ["/bin/tool"] },
    });
    await writeLayout(join(dir, "next"), { 1: next });
    await documentOf(join(dir, "maker"), "pull", `oci:${join(dir, "next")}:1`, "--as", NAME);
    await documentOf(join(dir, "maker"), "share", NAME, join(dir, "export"));
    expect(await documentOf(root, "update", "app")).toMatchObject({ updates: [{ outcome: "updated" }] });
    expect(link(1)).toContain(digestHex(next.digest));
    await documentOf(root, "rollback", "app");
    expect(readlinkSync(join(root, "var/lib/berth/containers/app"))).toBe("app.0");
    expect(link(0)).toBe(first);
  });

  test("that lacks what a volume is mounted on is copied after all", async () => {
    await share();
    await documentOf(root, ...INSTALL, "--volume", "/srv:/data");
    expect(lstatSync(join(root, "var/lib/berth/containers/app.0/rootfs")).isDirectory()).toBe(true);
    expect(await documentOf(root, "images")).toMatchObject({ images: [{ name: NAME }] });
  });

  test("that goes away is damage that verify names", async () => {
    await share();
    await documentOf(root, ...INSTALL);
    await execa("umount", [shared]);
    mounts.pop();
    mkdirSync(join(shared, "store"));
    const { stdout } = await berthIn(root, "verify");
    expect(JSON.parse(stdout)).toMatchObject({
      clean: false,
      damaged: [{ what: "record", reason: `${ready()}, its root file system, is not there` }],
    });
  });

  test("is checked and put right where it is", async () => {
    await documentOf(join(dir, "maker"), "share", NAME, join(dir, "export"));
    const at = ["--state", join(dir, "export")];
    expect(await documentOf(root, ...at, "verify")).toMatchObject({ clean: true, checked: { files: 5 } });
    const file = join(dir, "export/store/checkouts", digestHex(image.digest), "etc/link");
    unlinkSync(file);
    expect(JSON.parse((await berthIn(root, ...at, "verify")).stdout)).toMatchObject({
      clean: false,
      damaged: [{ what: "file", path: file, reason: "it is missing" }],
    });
    await documentOf(root, ...at, "verify", "--repair");
    expect(readlinkSync(file)).toBe("x");
  });

  test("goes with its image when that is pruned where it is", async () => {
    await documentOf(join(dir, "maker"), "share", NAME, join(dir, "export"));
    const at = ["--state", join(dir, "export")];
    await documentOf(root, ...at, "rmi", NAME);
    expect(readdirSync(join(dir, "export/store/checkouts"))).toEqual([]);
  });
});
