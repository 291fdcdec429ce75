/** Atomic's remote mode, images that run once, and mounts, as `atomic`. The name of a test begins with the numbers of the statements that it shows. */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AtomicImageName, atomicImages } from "../support/lab/atomic-images.ts";
import { footprint } from "../support/lab/footprint.ts";
import type { RunResult } from "../support/lab/machine.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const checkouts = "/var/lib/berth/containers";
const images: AtomicImageName[] = ["system-hello", "system-once"];
let before: string[];

const atomic = (...words: string[]): Promise<RunResult> => lab.run(["atomic", ...words]);
const done = (...words: string[]): Promise<string> => lab.output(["atomic", ...words]);
const image = (name: AtomicImageName): string => `localhost:5000/atomic/${name}:latest`;
const read = (path: string): Promise<string> => lab.output(["cat", path]);
const exists = async (path: string): Promise<boolean> => (await lab.run(["test", "-e", path])).exitCode === 0;

beforeAll(async () => {
  await cp(await atomicImages(), join(lab.dir, "var/atomic-images"), { recursive: true });
  for (const name of images)
    await lab.output(["berth", "copy", `oci:/var/atomic-images/${name}:latest`, image(name)]);
  await done("pull", image("system-once"));
  await done("install", "--name=near", "--set=RECEIVER=first", "--system", image("system-hello"));
  before = await footprint(lab);
}, 300_000);

afterAll(async () => {
  for (const name of ["far", "near"]) await lab.run(["berth", "uninstall", name, "--purge"]);
  await lab.run(["umount", "/var/seen"]);
  await rm(join(lab.dir, "var/seen"), { recursive: true, force: true });
  await atomic("-y", "images", "delete", "--all");
  await rm(join(lab.dir, "var/atomic-images"), { recursive: true, force: true });
});

describe("a remote root file system", () => {
  test("5, 6, 75: install --rootfs checks nothing out", async () => {
    const words = ["--name=far", `--rootfs=${checkouts}/near.0`, "--set=RECEIVER=secret"];
    const said = await done("install", ...words, "--system", image("system-hello"));
    expect(said).toContain(`The remote rootfs for this container is set to be ${checkouts}/near.0`);
    expect(await exists(`${checkouts}/far.0`)).toBe(true);
    expect(await exists("/etc/systemd/system/far.service")).toBe(true);
    expect(await lab.output(["readlink", `${checkouts}/far/rootfs`])).toBe(`${checkouts}/near.0/rootfs`);
  });

  test("44: it starts; an update changes config.json, and a rollback brings it back", async () => {
    await lab.output(["systemctl", "start", "far"]);
    const updated = await atomic("containers", "update", "--set=RECEIVER=new-receiver", "far");
    expect(updated.stdout + updated.stderr).toContain(
      "Updating a container with a remote rootfs. Only changes to config will be applied.",
    );
    expect(await read(`${checkouts}/far/config.json`)).toContain("new-receiver");
    expect(await lab.output(["systemctl", "is-active", "far"])).toBe("active");
    expect(await done("run", "far", "echo", "hello world")).toBe("hello world");
    await done("containers", "rollback", "far");
    expect(await read(`${checkouts}/far/config.json`)).toContain("secret");
  });

  test("7: uninstall leaves the files where they are", async () => {
    await done("uninstall", "far");
    expect(await exists(`${checkouts}/near.0/rootfs/usr/bin/greet.sh`)).toBe(true);
    for (const path of ["/etc/systemd/system/far.service", `${checkouts}/far`, `${checkouts}/far.0`])
      expect(await exists(path)).toBe(false);
    await lab.output(["berth", "verify"]);
  });
});

describe("an image that runs once", () => {
  test("14, 16: install prints what it prints, and installs nothing", async () => {
    const words = ["--system", "--name=Saturn", "--set", "RECEIVER=Pluto"];
    expect(await done("install", ...words, image("system-once"))).toBe("HI Pluto from Saturn");
    for (const path of ["/etc/systemd/system/Saturn.service", `${checkouts}/Saturn`, `${checkouts}/Saturn.0`])
      expect(await exists(path)).toBe(false);
  });

  test("15: run with a command of one's own", async () => {
    const words = ["--storage", "ostree", "--set", "RECEIVER=Pluto", image("system-once")];
    expect(await done("run", ...words, "echo", "Hello", "World")).toBe("Hello World");
    const written = await atomic("run", ...words, "sh", "-c", "echo mine > /made && cat /made; exit 4");
    expect(written).toMatchObject({ stdout: "mine", exitCode: 4 });
  });
});

describe("mount", () => {
  const seen = "/var/seen/usr/bin/greet.sh";

  beforeAll(() => lab.output(["mkdir", "-p", "/var/seen"]));

  test("61: an image", async () => {
    await done("mount", image("system-hello"), "--storage", "ostree", "/var/seen");
    expect(await exists(seen)).toBe(true);
    expect((await lab.run(["touch", seen])).stderr).toContain("Read-only file system");
    await done("umount", "/var/seen");
    expect(await exists(seen)).toBe(false);
  });

  test("62, 64: a container, with a prefix that is dropped", async () => {
    await done("mount", "near", "/var/seen");
    expect(await exists(seen)).toBe(true);
    await done("umount", "/var/seen");
    expect(await exists(seen)).toBe(false);
    await done("mount", "--shared", "http:near", "/var/seen");
    expect(await exists(seen)).toBe(true);
    await done("unmount", "/var/seen");
  });

  test("63: --live is refused", async () => {
    const { exitCode, stderr } = await atomic("mount", "--live", "near", "/var/seen");
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("do not support --live");
  });

  test("a mount of an image outlives a reboot as nothing at all", async () => {
    await done("mount", image("system-hello"), "/var/seen");
    await lab.reboot();
    expect(await exists(seen)).toBe(false);
    expect(await lab.output(["ls", "/var/lib/berth/scratch"])).not.toBe("");
    await lab.output(["berth", "prune"]);
    expect(await lab.output(["ls", "/var/lib/berth/scratch"])).toBe("");
  });
});

test("nothing is left", async () => {
  const files = (lines: string[]): string[] => lines.filter((line) => /^\/(etc|var)\//.test(line));
  expect(files(await footprint(lab))).toEqual(files(before));
});
