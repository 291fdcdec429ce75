/** install --rootfs: a root file system that is used where it is. */
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findRemote } from "../../src/deploy/remote-rootfs.ts";
import { berthIn, documentOf, stateOf } from "../support/crash.ts";
import { makeImage, writeLayout } from "../support/images.ts";

const NAME = "example.com/app:1";
const NOT_THERE = "The container's rootfs is set to remote, but the remote rootfs does not exist";
const NO_ROOTFS = "--remote was specified but the given location does not contain a rootfs";

let dir: string;
let root: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-remote-"));
  root = join(dir, "root");
  mkdirSync(root);
  const image = await makeImage({
    files: { "usr/bin/tool": { content: "tool", mode: 0o755 }, "etc/passwd": "me:x:77:78::/:/bin/sh\n" },
    config: { Entrypoint: ["tool"], User: "me" },
  });
  await writeLayout(join(dir, "layout"), { 1: image });
  await documentOf(root, "pull", `oci:${join(dir, "layout")}:1`, "--as", NAME);
  await documentOf(root, "install", NAME, "--name", "one", "--runtime", "systemd");
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const containers = (path: string): string => join(root, "var/lib/berth/containers", path);
const text = (path: string): string => readFileSync(containers(path), "utf8");

async function failureOf(...argv: string[]): Promise<{ code: string; message: string }> {
  const { stderr } = await berthIn(root, ...argv);
  return (JSON.parse(stderr) as { error: { code: string; message: string } }).error;
}

test("a deployment's files serve another container, which leaves them as they are", async () => {
  const before = stateOf(root);
  const remote = "/var/lib/berth/containers/one.0";
  const { notes } = await documentOf<{ notes: string[] }>(
    root,
    ...["install", NAME, "--name", "two", "--runtime", "systemd", "--rootfs", remote],
  );
  expect(notes).toContain(`The remote rootfs for this container is set to be ${remote}/rootfs`);
  expect(readlinkSync(containers("two.0/rootfs"))).toBe(`${remote}/rootfs`);
  expect(JSON.parse(text("two.0/config.json"))).toMatchObject({
    root: { path: `${remote}/rootfs` },
    process: { user: { uid: 77, gid: 78 }, args: ["/usr/bin/tool"] },
  });
  expect(JSON.parse(text("two.0/info"))).toMatchObject({ remote });
  expect(text("two.0/10-berth.conf")).toContain(`RootDirectory=${remote}/rootfs\n`);
  expect(await documentOf(root, "verify")).toMatchObject({ clean: true });
  await documentOf(root, "uninstall", "two", "--purge");
  expect(stateOf(root)).toEqual(before);
});

test("an update changes the configuration alone, and a rollback brings it back", async () => {
  await documentOf(root, "install", NAME, "--name", "two", "--rootfs", "/var/lib/berth/containers/one");
  await documentOf(root, "update", "two", "--no-pull", "--set", "A=1");
  expect(text("two/config.json")).toContain('"A=1"');
  expect(readlinkSync(containers("two.1/rootfs"))).toBe("/var/lib/berth/containers/one.0/rootfs");
  await documentOf(root, "rollback", "two");
  expect(text("two/config.json")).not.toContain('"A=1"');
});

test("with a writable root it is the lower layer", async () => {
  const remote = "/var/lib/berth/containers/one.0/rootfs";
  const install = ["install", NAME, "--name", "two", "--writable", "keep", "--volume", "/srv:/data"];
  await documentOf(root, ...install, "--rootfs", remote);
  const unit = text("two.0/var-lib-berth-containers-two.0-root.mount");
  expect(unit).toContain(`Options=lowerdir=${remote},`);
  expect(unit).toContain(`RequiresMountsFor=/var/lib/berth ${remote}\n`);
});

test.each([
  ["/nothing", NOT_THERE],
  ["/etc", NO_ROOTFS],
])("--rootfs %s is refused: %s", async (remote, message) => {
  mkdirSync(join(root, "etc"), { recursive: true });
  const failure = await failureOf("install", NAME, "--name", "two", "--rootfs", remote);
  expect(failure).toMatchObject({ code: "CONFIG_INVALID", message });
  expect(existsSync(containers("two.0"))).toBe(false);
});

test("what is mounted on must be there already", async () => {
  rmdirSync(containers("one.0/rootfs/proc"));
  const remote = "/var/lib/berth/containers/one.0";
  expect(await failureOf("install", NAME, "--name", "two", "--rootfs", remote)).toMatchObject({
    code: "CONFIG_INVALID",
    message: `${remote}/rootfs has no /proc to mount on, and is not changed`,
  });
  expect(lstatSync(containers("one.0/rootfs")).isDirectory()).toBe(true);
});

test("findRemote takes a directory with a rootfs, or a root file system itself", async () => {
  const host = containers("one.0");
  expect(await findRemote("/", host)).toBe(`${host}/rootfs`);
  expect(await findRemote("/", `${host}/rootfs`)).toBe(`${host}/rootfs`);
  expect(await findRemote(root, "/var/lib/berth/containers/one")).toBe(
    "/var/lib/berth/containers/one.0/rootfs",
  );
});
