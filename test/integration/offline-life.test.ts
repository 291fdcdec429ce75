/** Containers of a tree that does not run, through their whole life: what stays of others, and of a change cut off anywhere. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Berth } from "../support/berth.ts";
import { makeImage, writeLayout } from "../support/images.ts";
import { openOfflineTree } from "../support/offline-tree.ts";

let berth: Berth;
let root: string;

beforeEach(async () => {
  ({ root, berth } = await openOfflineTree());
});

async function layout(name: string, config: Record<string, unknown> = {}): Promise<string> {
  const image = await makeImage({
    files: { "bin/app": { content: "app", mode: 0o755 }, "data/": {}, "data/first": "from the image" },
    config: { Cmd: ["/bin/app"], ...config },
  });
  await writeLayout(berth.path(name), { latest: image });
  return `oci:${berth.path(name)}:latest`;
}

const succeed = (...argv: string[]): Promise<string> => berth.succeed(...argv);

const inRoot = (path: string): string => join(root, path);
const containers = (): string => berth.path("state/containers");

describe("uninstall --purge", () => {
  test("removes the state that it made, whole", async () => {
    await succeed("install", await layout("image", { Volumes: { "/data": {} } }), "--name", "app");
    expect(await readFile(inRoot("var/lib/app/data/first"), "utf8")).toBe("from the image");
    await succeed("uninstall", "app", "--purge");
    expect(existsSync(inRoot("var/lib/app"))).toBe(false);
  });

  test("leaves alone what others have in a directory of the container's name", async () => {
    await mkdir(inRoot("var/lib/dpkg"), { recursive: true });
    await writeFile(inRoot("var/lib/dpkg/status"), "packages");
    await succeed("install", await layout("image", { Volumes: { "/data": {} } }), "--name", "dpkg");
    await succeed("uninstall", "dpkg", "--purge");
    expect(await readdir(inRoot("var/lib/dpkg"))).toEqual(["status"]);
  });
});

describe("recover of an update that took the number of an older deployment", () => {
  async function threeDeployments(): Promise<void> {
    await succeed("install", await layout("image"), "--name", "app", "--set", "A=0");
    await succeed("update", "app", "--set", "A=1");
    expect(await deployments()).toEqual(["app", "app.0", "app.1"]);
  }

  async function journal(): Promise<void> {
    const intent = { schema: 1, name: "app", from: 1, ran: false, action: "update", to: 0, made: true };
    await mkdir(join(containers(), ".journal"), { recursive: true });
    await writeFile(join(containers(), ".journal/app.json"), JSON.stringify({ ...intent, displaced: true }));
  }

  const deployments = async (): Promise<string[]> =>
    (await readdir(containers())).filter((name) => !name.startsWith(".")).sort();

  // The first also is the state in which a recovery that was itself cut off leaves it.
  test("before the older one made way leaves both as they were", async () => {
    await threeDeployments();
    await journal();
    await succeed("recover");
    expect(await deployments()).toEqual(["app", "app.0", "app.1"]);
    expect(await succeed("history", "app")).toMatch(/previous/);
    await succeed("rollback", "app");
  });
});

describe("recover of several containers", () => {
  test("goes on after one that cannot be recovered, and fails in the end", async () => {
    const image = await layout("image");
    await succeed("install", image, "--name", "broken");
    await succeed("install", image, "--name", "other");
    const journals = join(containers(), ".journal");
    await mkdir(journals, { recursive: true });
    await writeFile(join(journals, "broken.json"), "{");
    const intent = { schema: 1, action: "install", name: "other", hostFiles: [], state: [], emptied: [] };
    await writeFile(join(journals, "other.json"), JSON.stringify(intent));
    const { status, stderr } = await berth.run("recover");
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("broken.json") });
    expect(await readdir(journals)).toEqual(["broken.json"]);
    expect(existsSync(join(containers(), "other"))).toBe(false);
  });
});

describe("install", () => {
  test("again after an uninstall that kept the accounts", async () => {
    const image = await layout("image", { User: "4711:4711" });
    const install = ["install", image, "--name", "app", "--runtime", "systemd"];
    await succeed(...install);
    await succeed("uninstall", "app");
    expect(existsSync(inRoot("etc/sysusers.d/berth-app.conf"))).toBe(true);
    await succeed(...install);
    await succeed("uninstall", "app", "--purge");
    expect(existsSync(inRoot("etc/sysusers.d/berth-app.conf"))).toBe(false);
  });

  test("does not put tmpfiles lines over those of the host's packages", async () => {
    await mkdir(inRoot("usr/lib/tmpfiles.d"), { recursive: true });
    await writeFile(inRoot("usr/lib/tmpfiles.d/tmp.conf"), "D /tmp 1777 root root 10d\n");
    const image = await layout("image", { Volumes: { "/data": {} } });
    const { status, stderr } = await berth.run("install", image, "--name", "tmp");
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("tmp.conf") });
    expect(existsSync(inRoot("etc/tmpfiles.d/tmp.conf"))).toBe(false);
  });

  test("gives no container a part of berth's own state", async () => {
    const image = await layout("image", { Volumes: { "/store": {} } });
    const state = inRoot("var/lib/berth");
    const { status, stderr } = await berth.run("--state", state, "install", image, "--name", "berth");
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("--name") });
  });

  test("does not follow a link out of the tree", async () => {
    const outside = berth.path("outside");
    await mkdir(outside);
    await mkdir(inRoot("var"), { recursive: true });
    await symlink(outside, inRoot("var/lib"));
    const image = await layout("image", { Volumes: { "/data": {} } });
    const { status } = await berth.run("install", image, "--name", "app");
    expect(status).toBe(1);
    expect(await readdir(outside)).toEqual([]);
    await rm(inRoot("var/lib"));
  });
});

test("an image stored under another name is outdated, and updated, by what it was pulled from", async () => {
  const reference = await layout("image");
  await succeed("pull", reference, "--as", "example.com/app:1");
  await succeed("install", "example.com/app:1", "--name", "app");
  await layout("image", { Labels: { version: "2" } });
  expect(await succeed("outdated")).toContain("app");
  expect(await succeed("update", "app")).toContain("deployment 1");
  const info = JSON.parse(await readFile(join(containers(), "app/info"), "utf8")) as { image: string };
  expect(info.image).toBe("example.com/app:1");
});
