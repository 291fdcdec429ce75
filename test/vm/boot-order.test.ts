import { afterAll, expect, test } from "vitest";
import { say } from "../support/crash.ts";
import { importBox, installStack, runInDocker, stack, startTimes } from "../support/lab/docker-stack.ts";
import { virtualMachine } from "../support/lab/shared-machine.ts";

const lab = virtualMachine();

afterAll(async () => {
  await lab.run(["berth", "uninstall", ...stack, "--purge"]);
});

test("a boot of a whole machine starts etcd, then the network agent, then Docker itself", async () => {
  await installStack(lab, {
    etcd: "oci:/opt/images/etcd:latest",
    agent: "oci:/opt/images/agent:latest",
    docker: "oci:/opt/images/docker:latest",
  });
  await importBox(lab);
  expect(await runInDocker(lab)).toMatch(/inet 10\.5\.7\.\d+\/24/);
  await lab.reboot();
  const active = async (): Promise<string> => (await lab.run(["systemctl", "is-active", ...stack])).stdout;
  await expect.poll(active, { timeout: 120_000, interval: 2000 }).toBe("active\nactive\nactive");
  const [etcd, agent, docker] = [
    await startTimes(lab, "etcd"),
    await startTimes(lab, "agent"),
    await startTimes(lab, "docker"),
  ];
  for (const [name, { begun, active: up }] of Object.entries({ etcd, agent, docker }))
    say(`${name}: ${seconds(begun)} to ${seconds(up)} s after the kernel's start`);
  expect(etcd.begun).toBeGreaterThan(0);
  expect(etcd.active).toBeLessThanOrEqual(agent.begun);
  expect(agent.active).toBeLessThanOrEqual(docker.begun);
  expect(docker.begun).toBeLessThan(docker.active);
  expect(await runInDocker(lab)).toMatch(/inet 10\.5\.7\.\d+\/24/);
});

function seconds(micro: number): string {
  return (micro / 1e6).toFixed(3);
}
