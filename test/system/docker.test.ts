import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dockerImage } from "../support/lab/docker-image.ts";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const names = ["etcd", "agent", "docker"] as const;
const rootfs = "/var/lib/berth/containers/docker/rootfs";
const client = [`${rootfs}/usr/bin/docker`, "-H", "unix:///run/docker/docker.sock"];
let before: string[];

beforeAll(async () => {
  await cp(await dockerImage(), join(lab.dir, "var/docker-image"), { recursive: true });
  for (const name of ["etcd", "agent"]) await lab.output(["berth", "pull", `localhost:5000/${name}`]);
  await lab.output(["berth", "pull", "oci:/var/docker-image:latest"]);
  before = await footprint(lab);
});

afterAll(async () => {
  await lab.run(["berth", "uninstall", ...names, "--purge"]);
  await lab.run(["berth", "rmi", "oci:/var/docker-image:latest"]);
  await rm(join(lab.dir, "var/docker-image"), { recursive: true, force: true });
});

test("Docker itself is installed as an image, after the agent that gives it its network", async () => {
  const config = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';
  const run = ["--volume", "/run/flannel:/run/flannel"];
  await lab.output(["berth", "install", "localhost:5000/etcd", "--name", "etcd"]);
  await lab.output(["etcdctl", "put", "/coreos.com/network/config", config]);
  await lab.output([
    "berth",
    "install",
    "localhost:5000/agent",
    "--name",
    "agent",
    ...run,
    "--after",
    "etcd",
  ]);
  const docker = [
    "--name",
    "docker",
    "--privileged",
    "--after",
    "agent",
    "--volume",
    "/run/docker:/run/docker",
  ];
  await lab.output(["berth", "install", "oci:/var/docker-image:latest", ...docker, ...run]);
  expect(await lab.output(["berth", "graph"])).toBe(
    [
      "etcd (active)",
      "└─ agent (active) after etcd, which it wants",
      "   └─ docker (active) after agent, which it wants",
    ].join("\n"),
  );
});

test("it runs containers, in the subnet that the agent got from etcd", async () => {
  const fill = `mkdir -p /tmp/box/bin && cp ${rootfs}/bin/busybox /tmp/box/bin && tar -C /tmp/box -c . | ${client.join(" ")} import - box`;
  await lab.output(["sh", "-c", fill]);
  expect(await runInDocker()).toMatch(/inet 10\.5\.7\.\d+\/24/);
});

test("a boot starts etcd, then the agent, then Docker", async () => {
  await lab.reboot();
  expect((await lab.output(["systemctl", "is-active", ...names])).split("\n")).toEqual([
    "active",
    "active",
    "active",
  ]);
  const [etcd, agent, docker] = [await times("etcd"), await times("agent"), await times("docker")];
  expect(etcd.active).toBeLessThanOrEqual(agent.begun);
  expect(agent.active).toBeLessThanOrEqual(docker.begun);
  expect(await runInDocker()).toMatch(/inet 10\.5\.7\.\d+\/24/);
});

test("berth graph draws that boot", async () => {
  await lab.output(["berth", "graph", "--svg", "/root/boot.svg"]);
  const svg = await lab.output(["cat", "/root/boot.svg"]);
  await lab.output(["rm", "/root/boot.svg"]);
  const rows = [...svg.matchAll(/<title>([\w@.-]+): began at/g)].map(([, unit]) => unit);
  expect(rows.filter((unit) => names.some((name) => unit === `${name}.service`))).toEqual(
    names.map((name) => `${name}.service`),
  );
});

test("uninstall leaves nothing of them", async () => {
  await lab.output(["rm", "-rf", "/tmp/box"]);
  await lab.output(["berth", "uninstall", ...names, "--purge"]);
  await lab.reboot();
  expect(await footprint(lab)).toEqual(before);
});

async function runInDocker(): Promise<string> {
  return lab.output([...client, "run", "--rm", "box", "/bin/busybox", "ip", "addr", "show", "eth0"]);
}

/** Microseconds of the monotonic clock: when the unit's start began, and when it was up. */
async function times(unit: string): Promise<{ begun: number; active: number }> {
  const read = async (property: string): Promise<number> =>
    Number(await lab.output(["systemctl", "show", unit, "--value", `--property=${property}`]));
  return {
    begun: await read("InactiveExitTimestampMonotonic"),
    active: await read("ActiveEnterTimestampMonotonic"),
  };
}
