import { afterAll, beforeAll, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";
import type { FoundCycle } from "../support/lab/verify-order-probe.ts";

const lab = machine();
const probe = "localhost:5000/probe";
const chain = ["first", "second", "third"];
const dropIn = "/etc/systemd/system/bad.service.d/50-by-hand.conf";

beforeAll(async () => {
  await lab.output(["berth", "pull", probe]);
  await lab.output(["berth", "install", probe, "--name", "first"]);
  await lab.output(["berth", "install", probe, "--name", "second", "--after", "first"]);
  await lab.output(["berth", "install", probe, "--name", "third", "--requires", "second"]);
});

afterAll(async () => {
  await lab.run(["rm", "-f", dropIn]);
  for (const name of ["bad", "third", "second", "first"])
    await lab.run(["berth", "uninstall", name, "--purge"]);
});

test("an install that closes a circle is refused with its path, and nothing of it is on the host", async () => {
  const before = await footprint(lab);
  const refused = await lab.run([
    "berth",
    "install",
    probe,
    "--name",
    "bad",
    "--after",
    "third",
    "--before",
    "first",
    "--json",
  ]);
  expect(refused.exitCode).toBe(1);
  expect(JSON.parse(refused.stderr)).toEqual({
    error: {
      code: "ORDER_CYCLE",
      message:
        "bad.service cannot be put in this order: bad.service after third.service, third.service after second.service, second.service after first.service, first.service after bad.service",
      hint: "leave out --after third.service or --before first.service; at boot systemd would silently leave out one of these units",
      causes: [],
    },
  });
  expect(await footprint(lab)).toEqual(before);
});

test("a change of the order that closes a circle is refused, and the order stays", async () => {
  const before = await footprint(lab);
  const refused = await lab.run(["berth", "order", "first", "--after", "third"]);
  expect(refused.stderr).toContain("first.service after third.service, third.service after second.service");
  expect(await footprint(lab)).toEqual(before);
});

test("a circle with the target that starts it, or with what every service waits for, is refused", async () => {
  for (const order of [
    ["--after", "multi-user.target", "--before", "first"],
    ["--before", "sysinit.target"],
    ["--wanted-by", "sysinit.target"],
  ]) {
    const { exitCode, stderr } = await lab.run(["berth", "install", probe, "--name", "bad", ...order]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining("cannot be put in this order"),
    });
  }
});

test("systemd-analyze finds the same circle in the staged units", async () => {
  const found = await lab.node("test/support/lab/verify-order-probe.ts");
  expect(JSON.parse(found.stdout) as FoundCycle).toEqual([
    "bad.service",
    "third.service",
    "second.service",
    "first.service",
    "bad.service",
  ]);
});

test("without the refusal the next boot would leave out services that did nothing wrong, and say that all is well", async () => {
  await lab.output(["berth", "install", probe, "--name", "bad"]);
  await lab.output(["mkdir", "-p", "/etc/systemd/system/bad.service.d"]);
  await lab.output(["sh", "-c", `printf '[Unit]\nAfter=third.service\nBefore=first.service\n' >${dropIn}`]);
  await lab.output(["systemctl", "daemon-reload"]);
  // Which one is left out differs from boot to boot; that one is, does not.
  const lost = new Set<string>();
  for (let boot = 0; boot < 8 && lost.size === 0; boot += 1) {
    await lab.reboot();
    const states = (await lab.run(["systemctl", "is-active", ...chain, "bad"])).stdout.split("\n");
    expect(states).toContain("inactive");
    for (const [at, name] of chain.entries()) if (states[at] === "inactive") lost.add(name);
  }
  expect(lost.size).toBeGreaterThan(0);
  const results = await lab.output(["systemctl", "show", "--property=Result", "--value", ...lost]);
  expect(new Set(results.split("\n").filter((line) => line !== ""))).toEqual(new Set(["success"]));
  const failed = await lab.output(["systemctl", "list-units", "--failed", "--plain", "--no-legend"]);
  expect(failed).not.toMatch(/first|second|third|bad/);
});

test("with the circle gone all of them are there after a boot", async () => {
  await lab.output(["rm", dropIn]);
  await lab.reboot();
  expect(await lab.output(["systemctl", "is-active", ...chain, "bad"])).toBe(
    "active\nactive\nactive\nactive",
  );
});
