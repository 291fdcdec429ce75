import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";
import { signalWhenStarting } from "../support/lab/signal-when-starting.ts";

const lab = machine();
const probe = "localhost:5000/probe";
const hanging = ["install", probe, "--name", "half", "--notify", "--env", "PROBE_MODE=hang"];
let before: string[];

beforeAll(async () => {
  await lab.output(["berth", "pull", probe]);
  await lab.output(["berth", "check", "--fix"]);
});

afterAll(async () => {
  await lab.run(["systemctl", "disable", "--quiet", "berth-recover.service"]);
  await lab.run(["sh", "-c", "rm -f /etc/systemd/system/berth-*"]);
  await lab.run(["systemctl", "daemon-reload"]);
});

beforeEach(async () => {
  before = await footprint(lab);
});

test("check --fix leaves nothing to warn of but what the admin must decide", async () => {
  const { findings } = JSON.parse(await lab.output(["berth", "check", "--json"])) as {
    findings: { what: string; verdict: string }[];
  };
  expect(findings.filter(({ verdict }) => verdict !== "good")).toEqual([]);
  expect(await lab.output(["systemctl", "is-enabled", "berth-recover.service"])).toBe("enabled");
});

test("an install killed while its unit starts shows as interrupted, and recover undoes it", async () => {
  await killInstall();
  const { containers } = JSON.parse(await lab.output(["berth", "list", "--json"]));
  expect(containers).toMatchObject([{ name: "half", state: "interrupted" }]);
  expect(JSON.parse(await lab.output(["berth", "recover", "--json"]))).toEqual({
    schema: 1,
    recovered: [{ name: "half", action: "install", outcome: "undone" }],
  });
  expect(await footprint(lab)).toEqual(before);
});

test("an install killed while its unit starts is undone by the next install of the name", async () => {
  await killInstall();
  await lab.output(["berth", "install", probe, "--name", "half"]);
  expect(await lab.output(["systemctl", "is-active", "half"])).toBe("active");
  await lab.output(["berth", "uninstall", "half", "--purge"]);
  expect(await footprint(lab)).toEqual(before);
});

test("an install killed before a reboot is undone by the boot, which waits for nothing", async () => {
  await killInstall();
  await lab.reboot();
  expect(await lab.output(["systemctl", "show", "berth-recover", "--property=Result,ExecMainStatus"])).toBe(
    "Result=success\nExecMainStatus=0",
  );
  expect(JSON.parse(await lab.output(["berth", "list", "--json"]))).toEqual({ schema: 1, containers: [] });
  const left = (await footprint(lab)).filter((entry) => entry.includes("half"));
  expect(left).toEqual([]);
});

test("a boot without an interrupted change runs nothing of berth", async () => {
  await lab.reboot();
  expect(
    await lab.output([
      "systemctl",
      "show",
      "berth-recover",
      "--property=ConditionResult,ExecMainStartTimestampMonotonic",
    ]),
  ).toBe("ExecMainStartTimestampMonotonic=0\nConditionResult=no");
});

/** Ends berth with SIGKILL while systemd waits for the service to say that it is ready. */
async function killInstall(): Promise<void> {
  const killed = await signalWhenStarting(lab, ["berth", ...hanging], { unit: "half", signal: "KILL" });
  expect(killed.exitCode).toBe(137);
  expect(await lab.output(["systemctl", "show", "half", "--property=ActiveState"])).toBe(
    "ActiveState=activating",
  );
}
