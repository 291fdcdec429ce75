import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dockerImage } from "../support/lab/docker-image.ts";
import { importBox, installStack, runInDocker, stack, startTimes } from "../support/lab/docker-stack.ts";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
let before: string[];

beforeAll(async () => {
  await cp(await dockerImage(), join(lab.dir, "var/docker-image"), { recursive: true });
  for (const name of ["etcd", "agent"]) await lab.output(["berth", "pull", `localhost:5000/${name}`]);
  await lab.output(["berth", "pull", "oci:/var/docker-image:latest"]);
  before = await footprint(lab);
});

afterAll(async () => {
  await lab.run(["berth", "uninstall", ...stack, "--purge"]);
  await lab.run(["berth", "rmi", "oci:/var/docker-image:latest"]);
  await rm(join(lab.dir, "var/docker-image"), { recursive: true, force: true });
});

test("Docker itself is installed as an image, after the agent that gives it its network", async () => {
  await installStack(lab, {
    etcd: "localhost:5000/etcd",
    agent: "localhost:5000/agent",
    docker: "oci:/var/docker-image:latest",
  });
  expect(await lab.output(["berth", "graph"])).toBe(
    [
      "etcd (active)",
      "└─ agent (active) after etcd, which it wants",
      "   └─ docker (active) after agent, which it wants",
    ].join("\n"),
  );
});

test("it runs containers, in the subnet that the agent got from etcd", async () => {
  await importBox(lab);
  expect(await runInDocker(lab)).toMatch(/inet 10\.5\.7\.\d+\/24/);
});

test("a boot starts etcd, then the agent, then Docker", async () => {
  await lab.reboot();
  expect((await lab.output(["systemctl", "is-active", ...stack])).split("\n")).toEqual([
    "active",
    "active",
    "active",
  ]);
  const [etcd, agent, docker] = [
    await startTimes(lab, "etcd"),
    await startTimes(lab, "agent"),
    await startTimes(lab, "docker"),
  ];
  expect(etcd.active).toBeLessThanOrEqual(agent.begun);
  expect(agent.active).toBeLessThanOrEqual(docker.begun);
  expect(await runInDocker(lab)).toMatch(/inet 10\.5\.7\.\d+\/24/);
});

test("berth graph draws that boot", async () => {
  await lab.output(["berth", "graph", "--svg", "/root/boot.svg"]);
  const svg = await lab.output(["cat", "/root/boot.svg"]);
  await lab.output(["rm", "/root/boot.svg"]);
  const rows = [...svg.matchAll(/<title>([\w@.-]+): began at/g)].map(([, unit]) => unit);
  expect(rows.filter((unit) => stack.some((name) => unit === `${name}.service`))).toEqual(
    stack.map((name) => `${name}.service`),
  );
});

test("uninstall leaves nothing of them", async () => {
  await lab.output(["berth", "uninstall", ...stack, "--purge"]);
  await lab.reboot();
  expect(await footprint(lab)).toEqual(before);
});
