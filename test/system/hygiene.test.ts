import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const images = { plain: "localhost:5000/probe", notify: "localhost:5000/probe-notify" };
let before: string[];

beforeAll(async () => {
  for (const image of Object.values(images)) await lab.output(["berth", "pull", image]);
});

beforeEach(async () => {
  before = await footprint(lab);
});

afterEach(async () => {
  await lab.run(["berth", "uninstall", "it", "--purge"]);
});

describe.each(["systemd", "runc", "crun", "chroot"])("by %s", (runtime) => {
  const install = (kind: keyof typeof images, ...options: string[]) =>
    lab.output(["berth", "install", images[kind], "--name", "it", "--runtime", runtime, ...options]);

  test("kill -9 of what systemd started: one clean restart, nobody left over, again and again", async () => {
    await install("plain");
    for (const times of [1, 2]) {
      await lab.output(["systemctl", "kill", "--kill-who=main", "--signal=KILL", "it"]);
      await expect
        .poll(() => show("NRestarts", "ActiveState"))
        .toEqual(["ActiveState=active", `NRestarts=${times}`]);
      await expect.poll(() => probes()).toBe(1);
    }
    await uninstalled();
  });

  test("a crash loop ends at the start limit, and leaves nothing that a start would trip on", async () => {
    await install("plain");
    await lab.output(["mkdir", "-p", "/etc/systemd/system/it.service.d"]);
    const dropIn = "/etc/systemd/system/it.service.d/50-crash.conf";
    await lab.output(["tee", dropIn], {
      // Five starts may take long on a busy host.
      input: "[Unit]\nStartLimitIntervalSec=300\n[Service]\nRestartSec=10ms\nTimeoutStopSec=2\n",
    });
    await lab.output(["systemctl", "daemon-reload"]);
    const killed = async (): Promise<string[]> => {
      await lab.run(["systemctl", "kill", "--kill-who=main", "--signal=KILL", "it"]);
      await sleep(150);
      return show("ActiveState");
    };
    await expect.poll(killed, { timeout: 60_000 }).toEqual(["ActiveState=failed"]);
    const log = await lab.output(["journalctl", "--unit=it", "--output=cat", "--boot"]);
    expect(log).toContain("Start request repeated too quickly");
    expect(await probes()).toBe(0);
    await lab.output(["rm", dropIn]);
    await lab.output(["systemctl", "daemon-reload"]);
    await lab.output(["systemctl", "reset-failed", "it"]);
    await lab.output(["berth", "start", "it"]);
    expect(await lab.output(["journalctl", "--unit=it", "--output=cat", "--boot"])).not.toContain(
      "already exists",
    );
    await uninstalled();
  });

  test("a service that ignores SIGTERM is ended after its time, with all its processes", async () => {
    await install("plain", "--env", "PROBE_MODE=deaf");
    expect(await show("TimeoutStopUSec")).toEqual(["TimeoutStopUSec=30s"]);
    await lab.output(["mkdir", "-p", "/run/systemd/system/it.service.d"]);
    await lab.output(["tee", "/run/systemd/system/it.service.d/99-soon.conf"], {
      input: "[Service]\nTimeoutStopSec=1\n",
    });
    await lab.output(["systemctl", "daemon-reload"]);
    const since = Date.now();
    await lab.output(["systemctl", "stop", "it"]);
    expect(Date.now() - since).toBeGreaterThan(900);
    expect(await show("ActiveState", "Result")).toEqual(["ActiveState=failed", "Result=timeout"]);
    expect(await probes()).toBe(0);
    await lab.output(["berth", "uninstall", "it", "--purge"]);
    await lab.output(["rm", "-r", "/run/systemd/system/it.service.d"]);
    await lab.output(["systemctl", "daemon-reload"]);
    expect(await footprint(lab)).toEqual(before);
  });

  test("the whole of sd_notify arrives, and a watchdog that is missed restarts it", async () => {
    await install("notify");
    expect(await show("Type", "StatusText")).toEqual(["StatusText=probing", "Type=notify"]);
    await lab.output(["berth", "uninstall", "it", "--purge"]);
    await install("notify", "--watchdog", "2", "--env", "PROBE_MODE=watchdog");
    await sleep(3000);
    expect(await show("NRestarts", "WatchdogUSec")).toEqual(["NRestarts=0", "WatchdogUSec=2s"]);
    await lab.output(["berth", "uninstall", "it", "--purge"]);
    await install("notify", "--watchdog", "1");
    await expect.poll(() => show("NRestarts"), { timeout: 20_000 }).not.toEqual(["NRestarts=0"]);
    await uninstalled();
  });

  test("its log is found by unit, by identifier and by BERTH_NAME", async () => {
    await install("plain");
    for (const match of ["--unit=it", "--identifier=it", "BERTH_NAME=it"]) {
      expect(await lab.output(["journalctl", match, "--output=cat", "--boot"])).toContain("probe {");
    }
    await uninstalled();
  });

  test("a reboot while it runs: it is back, alone", async () => {
    await install("plain");
    await lab.reboot();
    await expect.poll(() => show("ActiveState", "NRestarts")).toEqual(["ActiveState=active", "NRestarts=0"]);
    expect(await probes()).toBe(1);
    await lab.output(["berth", "uninstall", "it", "--purge"]);
  });
});

async function show(...properties: string[]): Promise<string[]> {
  const shown = await lab.output(["systemctl", "show", "it", `--property=${properties.join(",")}`]);
  return shown.split("\n").sort();
}

async function probes(): Promise<number> {
  return (await lab.run(["pgrep", "-f", "^/usr/bin/perl /usr/bin/probe"])).stdout.split("\n").filter(Boolean)
    .length;
}

async function uninstalled(): Promise<void> {
  await lab.output(["berth", "uninstall", "it", "--purge"]);
  expect(await footprint(lab)).toEqual(before);
}
