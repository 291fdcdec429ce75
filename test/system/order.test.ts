import { afterAll, beforeAll, expect, test } from "vitest";
import { startTimes } from "../support/lab/docker-stack.ts";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const config = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';
let before: string[];

beforeAll(async () => {
  for (const name of ["etcd", "agent", "web"]) await lab.output(["berth", "pull", `localhost:5000/${name}`]);
  before = await footprint(lab);
});

afterAll(async () => {
  for (const name of ["web", "agent", "etcd"]) await lab.run(["berth", "uninstall", name, "--purge"]);
});

test("install puts an agent after etcd and before what needs the network", async () => {
  const web = ["--name", "web", "--volume", "/run/flannel:/run/flannel:ro", "--no-start"];
  const agent = [
    "--name",
    "agent",
    "--volume",
    "/run/flannel:/run/flannel",
    "--after",
    "etcd",
    "--before",
    "web",
  ];
  await lab.output(["berth", "install", "localhost:5000/etcd", "--name", "etcd"]);
  await lab.output(["etcdctl", "put", "/coreos.com/network/config", config]);
  await lab.output(["berth", "install", "localhost:5000/web", ...web]);
  await lab.output(["berth", "install", "localhost:5000/agent", ...agent]);
  expect(await lab.output(["cat", "/run/flannel/subnet.env"])).toContain("FLANNEL_SUBNET=10.5.7.1/24\n");
  await lab.output(["berth", "start", "web"]);
  expect(await page()).toBe("this host serves from 10.5.7.1/24 of 10.5.0.0/16");
});

test("a boot starts them in that order", async () => {
  await lab.reboot();
  expect(await page()).toBe("this host serves from 10.5.7.1/24 of 10.5.0.0/16");
  const [etcd, agent, web] = [
    await startTimes(lab, "etcd"),
    await startTimes(lab, "agent"),
    await startTimes(lab, "web"),
  ];
  expect(etcd.active).toBeLessThanOrEqual(agent.begun);
  expect(agent.active).toBeLessThanOrEqual(web.begun);
});

test("uninstall leaves nothing of the three", async () => {
  await lab.output(["berth", "uninstall", "web", "agent", "etcd", "--purge"]);
  expect(await footprint(lab)).toEqual(before);
});

async function page(): Promise<string> {
  return lab.output([
    "curl",
    "--silent",
    "--show-error",
    "--retry",
    "20",
    "--retry-delay",
    "1",
    "--retry-connrefused",
    "http://127.0.0.1:8080/",
  ]);
}
