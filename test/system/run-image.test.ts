/** Images that run once: nothing of them is left, however they end. */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { imageLayouts } from "../support/lab/images.ts";
import { machine } from "../support/lab/shared-machine.ts";
import { tool } from "../support/lab/tool.ts";

const lab = machine();
const image = "localhost:5000/probe";
const runtimes = ["systemd", "runc", "crun", "chroot"] as const;
let before: string[];

beforeAll(async () => {
  const layout = join(lab.dir, "var/once");
  await cp(join(await imageLayouts(), "probe"), layout, { recursive: true });
  const settings = [
    "label=atomic.run=once",
    "entrypoint=/bin/sh",
    "cmd=-c",
    'cmd=echo "HI $RECEIVER"; exit 5',
  ];
  await tool("umoci", [
    ...["config", "--image", `${layout}:latest`],
    ...settings.map((setting) => `--config.${setting}`),
  ]);
  await lab.output(["berth", "pull", image]);
  await lab.output(["berth", "pull", "oci:/var/once:latest", "--as", "local/once"]);
});

beforeEach(async () => {
  before = await footprint(lab);
});

afterEach(async () => {
  await lab.run(["berth", "uninstall", "it", "--purge"]);
  expect(await footprint(lab)).toEqual(before);
});

afterAll(async () => {
  await lab.run(["berth", "rmi", "local/once"]);
  await rm(join(lab.dir, "var/once"), { recursive: true, force: true });
});

const run = (...words: string[]) => lab.run(["berth", "run", ...words]);

describe.each(runtimes)("an image by %s", (runtime) => {
  const once = (...words: string[]) => run("--runtime", runtime, ...words);

  test("runs a command with the image's user, environment and directory, and its status", async () => {
    const script = 'pwd; echo "$PROBE_FROM $A $B"; cat; exit 7';
    const words = ["--set", "A=1", "--env", "B=2", image, "sh", "-c", script];
    const { stdout, exitCode } = await lab.run(["berth", "run", "--runtime", runtime, ...words], {
      input: "through",
    });
    expect({ stdout, exitCode }).toEqual({
      stdout: `/usr\nthe image's "own" $HOME %n 1 2\nthrough`,
      exitCode: 7,
    });
    expect((await once(image, "no-such")).exitCode).toBeGreaterThan(0);
  });

  test("can write to its root, which is discarded, and never to the store", async () => {
    const script = "echo mine > /etc/made && rm /usr/bin/probe && cat /etc/made; touch /var/lib/probe/x";
    expect(await once(image, "sh", "-c", script)).toMatchObject({ exitCode: 0, stdout: "mine" });
    expect((await once(image, "ls", "/etc/made")).exitCode).toBeGreaterThan(0);
    await lab.output(["berth", "verify"]);
  });

  test("sees volumes, whose missing directories are made and go again when they are empty", async () => {
    await lab.output(["sh", "-c", "mkdir /var/given; echo seen > /var/given/file"]);
    const words = ["--volume", "/var/given:/mnt/in:ro", "--volume", "/var/missing:/mnt/out", image];
    const { stdout } = await once(...words, "sh", "-c", "cat /mnt/in/file; ls -d /mnt/out");
    expect(stdout).toBe("seen\n/mnt/out");
    expect((await lab.run(["ls", "/var/missing"])).exitCode).toBe(2);
    await lab.output(["rm", "-r", "/var/given"]);
  });

  test("that is interrupted is stopped and leaves nothing", async () => {
    const words = ["timeout", "--preserve-status", "--signal=INT", "4", "berth", "run", "--runtime", runtime];
    const { exitCode } = await lab.run([...words, image, "sleep", "300"]);
    expect(exitCode).toBe(130);
  });

  test("whose command is killed is cleared away by the next prune", async () => {
    // What runs on has the command's streams.
    const script = `timeout --signal=KILL 4 berth run --runtime ${runtime} ${image} sleep 300 </dev/null >/dev/null 2>&1`;
    await lab.run(["sh", "-c", script]);
    expect(await lab.output(["ls", "/var/lib/berth/scratch"])).not.toBe("");
    await lab.output(["berth", "prune"]);
  });
});

test("an image that is not there is pulled and stays; what names none is not installed", async () => {
  await lab.run(["berth", "rmi", "localhost:5000/web"]);
  expect(await run("localhost:5000/web", "echo", "Hello World")).toMatchObject({ stdout: "Hello World" });
  expect(await lab.output(["berth", "images"])).toContain("localhost:5000/web");
  expect(await run("nothing", "true")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('no container "nothing" is installed') as string,
  });
  await lab.output(["berth", "rmi", "localhost:5000/web"]);
  before = await footprint(lab);
});

test("has a terminal where there is one", async () => {
  const command = `berth run ${image} sh -c 'test -t 0 && test -t 1 && echo terminal'`;
  expect(await lab.output(["script", "-qec", command, "/dev/null"])).toMatch(/terminal\r?\n*$/);
});

test("label atomic.run=once: an install runs it, gives its status, and installs nothing", async () => {
  const install = ["berth", "install", "--name", "Saturn", "--set", "RECEIVER=Pluto", "local/once"];
  expect(await lab.run(install)).toMatchObject({ stdout: "HI Pluto", exitCode: 5 });
  expect(await lab.output(["berth", "list"])).not.toContain("Saturn");
  expect(await run("local/once", "echo", "Hello World")).toMatchObject({
    stdout: "Hello World",
    exitCode: 0,
  });
});

test("options that make a new container are refused for one that is installed", async () => {
  await lab.output(["berth", "install", image, "--name", "it"]);
  expect(await run("--set", "A=1", "it", "true")).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("its options are those of its deployment") as string,
  });
});
