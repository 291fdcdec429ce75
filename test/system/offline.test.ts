import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BootedMachine, bootMachine } from "../support/lab/boot.ts";
import { cacheDir, projectDir } from "../support/lab/cache.ts";
import { imageLayouts } from "../support/lab/images.ts";
import { machineTree } from "../support/lab/tree.ts";

let dir: string;
let tree: string;
let images: string;

beforeAll(async () => {
  await mkdir(join(cacheDir, "machines"), { recursive: true });
  // A name that the laboratory clears away when its process is gone.
  dir = await mkdtemp(join(cacheDir, "machines", `${process.pid}-offline-`));
  tree = join(dir, "tree");
  images = await imageLayouts();
  await execa("cp", ["-a", join(images, "probe"), join(dir, "owned")]);
  await execa("umoci", ["config", "--image", `${join(dir, "owned")}:latest`, "--config.user=4711:4711"]);
  await execa("cp", ["-a", "--reflink=auto", join(await machineTree(), "root"), tree]);
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** berth on this host, on the tree. */
async function berth(...words: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const node = join(projectDir, "node_modules/.bin/node");
  const argv = [join(projectDir, "bin/berth.js"), "--root", tree, ...words];
  const { exitCode = 128, stdout, stderr } = await execa(node, argv, { reject: false });
  return { exitCode, stdout, stderr };
}

async function install(image: string, ...words: string[]): Promise<void> {
  const { exitCode, stderr } = await berth(
    "install",
    `oci:${images}/${image}:latest`,
    "--name",
    image,
    ...words,
  );
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
}

describe("install --root", () => {
  test("writes units, links, tmpfiles and accounts as files of the tree", async () => {
    await install("etcd", "--runtime", "systemd");
    await install("probe", "--after", "etcd");
    const etc = join(tree, "etc");
    expect(await readlink(join(etc, "systemd/system/multi-user.target.wants/etcd.service"))).toBe(
      "/etc/systemd/system/etcd.service",
    );
    expect(await readFile(join(etc, "tmpfiles.d/etcd.conf"), "utf8")).toContain("/var/lib/etcd");
    const unit = await readFile(join(etc, "systemd/system/etcd.service"), "utf8");
    const dropIn = await readFile(join(etc, "systemd/system/etcd.service.d/10-berth.conf"), "utf8");
    expect(unit + dropIn).not.toContain(tree);
    await berth("install", `oci:${join(dir, "owned")}:latest`, "--name", "owned", "--runtime", "systemd");
    expect(await readFile(join(etc, "sysusers.d/berth-owned.conf"), "utf8")).toMatch(/^u \S+ 4711:4711 /m);
    // Runtimes are looked for in the tree.
    expect((await berth("list")).stdout).toMatch(/probe.*\/usr\/(s?bin)\/runc/);
  });

  test("refuses a circle among what the tree has", async () => {
    const { exitCode, stderr } = await berth(
      "install",
      `oci:${images}/probe:latest`,
      "--name",
      "bad",
      "--after",
      "probe",
      "--before",
      "etcd",
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining(
        "bad.service after probe.service, probe.service after etcd.service, etcd.service after bad.service",
      ),
    });
    expect((await berth("order", "etcd", "--after", "probe")).stderr).toContain(
      "cannot be put in this order",
    );
  });

  test("shows and changes the order", async () => {
    expect((await berth("graph")).stdout).toBe(
      "etcd (unknown)\n└─ probe (unknown) after etcd\nowned (unknown)",
    );
    expect((await berth("order", "probe", "--wanted-by", "etcd")).exitCode).toBe(0);
    const link = "etc/systemd/system/etcd.service.wants/probe.service";
    expect(await readlink(join(tree, link))).toBe("/etc/systemd/system/probe.service");
    expect(
      (await readdir(join(tree, "etc/systemd/system/multi-user.target.wants"))).includes("probe.service"),
    ).toBe(false);
  });

  test("respects presets and masks of the tree", async () => {
    const presets = join(tree, "etc/systemd/system-preset");
    await mkdir(presets, { recursive: true });
    await writeFile(join(presets, "10-tree.preset"), "disable web.service\n");
    await install("web");
    expect(
      (await readdir(join(tree, "etc/systemd/system/multi-user.target.wants"))).includes("web.service"),
    ).toBe(false);
    expect((await berth("uninstall", "web", "--purge")).exitCode).toBe(0);
    await execa("ln", ["-s", "/dev/null", join(tree, "etc/systemd/system/web.service")]);
    expect((await berth("install", `oci:${images}/web:latest`, "--name", "web")).stderr).toContain(
      "is masked",
    );
    await rm(join(tree, "etc/systemd/system/web.service"));
  });
});

describe("the tree, booted", () => {
  let booted: BootedMachine;

  beforeAll(async () => {
    booted = await bootMachine({ tree });
  });

  afterAll(async () => {
    await booted?.stop();
  });

  test("runs the services, in their order, without berth", async () => {
    const lab = booted.machine;
    expect((await lab.run(["which", "berth"])).exitCode).toBe(1);
    expect(await lab.output(["systemctl", "is-active", "etcd", "probe"])).toBe("active\nactive");
    await lab.output(["etcdctl", "put", "booted", "yes"]);
    const read = async (unit: string, property: string): Promise<number> =>
      Number(await lab.output(["systemctl", "show", unit, "--value", `--property=${property}`]));
    expect(await read("etcd", "ActiveEnterTimestampMonotonic")).toBeLessThanOrEqual(
      await read("probe", "InactiveExitTimestampMonotonic"),
    );
    expect(await lab.output(["systemctl", "is-system-running"])).toBe("running");
  });

  test("made an account for the user of an image", async () => {
    const lab = booted.machine;
    expect(await lab.output(["getent", "passwd", "4711"])).toMatch(/^[^:]+:[^:]*:4711:4711:/);
    const pid = await lab.output(["systemctl", "show", "owned", "--value", "--property=MainPID"]);
    expect(await lab.output(["stat", "-c", "%u:%g", `/proc/${pid}`])).toBe("4711:4711");
  });

  test("made the state directory with the owner and mode of the image", async () => {
    expect(await booted.machine.output(["stat", "-c", "%a %u", "/var/lib/etcd"])).toMatch(/^7\d\d 0$/);
  });
});

test("uninstall --root leaves the tree as it was", async () => {
  expect((await berth("uninstall", "probe", "etcd", "owned", "--purge")).exitCode).toBe(0);
  const { stdout } = await execa("find", [
    join(tree, "etc/systemd"),
    join(tree, "etc/tmpfiles.d"),
    "-name",
    "*etcd*",
    "-o",
    "-name",
    "*probe*",
  ]);
  expect(stdout).toBe("");
  expect(await readdir(join(tree, "var/lib/berth/containers"))).not.toContain("etcd");
  expect((await stat(join(tree, "etc/systemd/system"))).isDirectory()).toBe(true);
});
