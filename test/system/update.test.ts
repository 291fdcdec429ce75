import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";
import { signalWhenStarting } from "../support/lab/signal-when-starting.ts";

const lab = machine();
const probe = "localhost:5000/probe-notify";
const quick = ["--watch", "1", "--no-pull"];
const hanging = ["berth", "update", "turn", ...quick, "--set", "PROBE_MODE=hang"];

beforeAll(async () => {
  for (const image of [probe, "localhost:5000/etcd", "localhost:5000/web"])
    await lab.output(["berth", "pull", image]);
});

afterAll(async () => {
  await lab.run(["berth", "uninstall", "turn", "--purge"]);
});

describe.each(["systemd", "runc"])("update of a service by %s", (runtime) => {
  beforeEach(async () => {
    await lab.output(["berth", "install", probe, "--name", "turn", "--runtime", runtime]);
  });
  afterEach(async () => {
    await lab.run(["berth", "uninstall", "turn", "--purge"]);
  });

  test("changes nothing when the image and the values are what they were", async () => {
    const before = await footprint(lab);
    expect(await lab.output(["berth", "update", "turn"])).toBe("Latest version already installed.");
    expect(await footprint(lab)).toEqual(before);
  });

  test("takes turns between two deployments, and rollback twice returns", async () => {
    await lab.output(["berth", "update", "turn", ...quick, "--set", "A=1"]);
    expect(await standing()).toEqual(["1 current", "0 previous"]);
    expect(await variable("A")).toBe("1");
    await lab.output(["berth", "update", "turn", ...quick, "--set", "A=2"]);
    expect(await standing()).toEqual(["0 current", "1 previous"]);
    expect(await variable("A")).toBe("2");
    await lab.output(["berth", "rollback", "turn", "--watch", "1"]);
    expect(await standing()).toEqual(["1 current", "0 previous"]);
    expect(await variable("A")).toBe("1");
    await lab.output(["berth", "rollback", "turn", "--watch", "1"]);
    expect(await standing()).toEqual(["0 current", "1 previous"]);
    expect(await variable("A")).toBe("2");
    await lab.output(["berth", "update", "turn", ...quick, "--unset", "A"]);
    expect(await variable("A")).toBe(undefined);
  });

  test.each([
    ["crashes", "crash", "exit status 3"],
    ["dies a second after it was ready", "late-crash", "did not stay up"],
  ])("to a version that %s ends with the old one serving", async (_, mode, reason) => {
    await lab.output(["berth", "update", "turn", ...quick, "--set", "A=1"]);
    const before = await files();
    const failed = await lab.run([
      "berth",
      "update",
      "turn",
      "--watch",
      "3",
      "--no-pull",
      "--set",
      `PROBE_MODE=${mode}`,
      "--json",
    ]);
    expect(failed.exitCode).toBe(1);
    const { error } = JSON.parse(failed.stderr.trimEnd().split("\n").at(-1) ?? "");
    expect(error).toMatchObject({
      code: "UPDATE_ROLLED_BACK",
      message: "the update of turn failed; deployment 1 runs again",
    });
    expect(error.causes.join("\n")).toContain(reason);
    expect(error.causes.join("\n")).toContain(`probe failed: as PROBE_MODE=${mode} says`);
    expect(await standing()).toEqual(["1 current", "0 previous"]);
    expect(await lab.output(["systemctl", "is-active", "turn"])).toBe("active");
    expect(await variable("A")).toBe("1");
    expect(await files()).toEqual(before);
  });

  test("to a version that hangs ends with the old one serving", async () => {
    await lab.output(["mkdir", "-p", "/etc/systemd/system/turn.service.d"]);
    await lab.output(["tee", "/etc/systemd/system/turn.service.d/50-short.conf"], {
      input: "[Service]\nTimeoutStartSec=2\n",
    });
    const failed = await lab.run(["berth", "update", "turn", ...quick, "--set", "PROBE_MODE=hang"]);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain("result timeout");
    expect(await standing()).toEqual(["0 current"]);
    expect(await lab.output(["systemctl", "is-active", "turn"])).toBe("active");
    // The admin's own drop-in is not berth's to remove.
    await lab.output(["berth", "uninstall", "turn", "--purge"]);
    await lab.output(["rm", "-r", "/etc/systemd/system/turn.service.d"]);
  });

  test.each([
    ["INT", 130],
    ["TERM", 143],
    ["HUP", 129],
  ] as const)(
    "interrupted by SIG%s while it starts goes back, and leaves the old version as it was",
    async (signal, status) => {
      const before = await files();
      const stopped = await signalWhenStarting(lab, hanging, { unit: "turn", signal });
      expect(stopped.exitCode).toBe(status);
      expect(await files()).toEqual(before);
      expect(await lab.output(["systemctl", "is-active", "turn"])).toBe("active");
    },
  );

  test("killed while it starts is gone back on by the next command", async () => {
    const before = await files();
    await signalWhenStarting(lab, hanging, { unit: "turn", signal: "KILL" });
    expect(JSON.parse(await lab.output(["berth", "list", "--json"])).containers).toMatchObject([
      { state: "interrupted" },
    ]);
    await lab.output(["berth", "recover"]);
    expect(await files()).toEqual(before);
    expect(await lab.output(["systemctl", "is-active", "turn"])).toBe("active");
  });

  test("killed while it starts does not keep an uninstall from being one", async () => {
    await signalWhenStarting(lab, hanging, { unit: "turn", signal: "KILL" });
    await lab.output(["berth", "uninstall", "turn", "--purge"]);
    expect((await lab.run(["berth", "status", "turn"])).exitCode).toBe(4);
    expect((await lab.run(["systemctl", "is-active", "turn"])).stdout).toBe("inactive");
  });

  test("--dry-run says what would change, --stage-only and --apply do it in two steps", async () => {
    const before = await files();
    const planned = JSON.parse(
      await lab.output(["berth", "update", "turn", "--no-pull", "--set", "A=1", "--dry-run", "--json"]),
    );
    expect(planned.updates).toMatchObject([{ outcome: "planned", to: { deployment: 1 } }]);
    expect(planned.updates[0].changed).toContain("config.json");
    expect(await files()).toEqual(before);
    await lab.output(["berth", "update", "turn", "--no-pull", "--set", "A=1", "--stage-only"]);
    expect(await standing()).toEqual(["1 staged", "0 current"]);
    expect(await variable("A")).toBe(undefined);
    await lab.output(["berth", "update", "turn", "--apply", "--watch", "1"]);
    expect(await standing()).toEqual(["1 current", "0 previous"]);
    expect(await variable("A")).toBe("1");
  });

  test("a pinned deployment stays, and diff shows what differs", async () => {
    await lab.output(["berth", "pin", "turn", "0"]);
    await lab.output(["berth", "update", "turn", ...quick, "--set", "A=1"]);
    await lab.output(["berth", "update", "turn", ...quick, "--set", "A=2"]);
    expect(await standing()).toEqual(["2 current", "1 previous", "0 pinned"]);
    await lab.output(["berth", "rollback", "turn", "--to", "0", "--watch", "1"]);
    expect(await standing()).toEqual(["0 current, pinned", "2 previous", "1 "].slice(0, 2));
    const { values, files: differing } = JSON.parse(
      await lab.output(["berth", "diff", "turn", "2", "0", "--json"]),
    );
    expect(values).toEqual(["A"]);
    expect(differing).toEqual({ added: [], removed: [], changed: [] });
  });

  test("of a stopped service switches it and leaves it stopped", async () => {
    await lab.output(["berth", "stop", "turn"]);
    await lab.output(["berth", "update", "turn", ...quick, "--set", "A=1"]);
    expect((await lab.run(["systemctl", "is-active", "turn"])).stdout).toBe("inactive");
    await lab.output(["berth", "start", "turn"]);
    expect(await variable("A")).toBe("1");
  });
});

test("an update killed before a reboot: the boot starts the old version, whole", async () => {
  await lab.output(["berth", "install", probe, "--name", "turn"]);
  await lab.output(["berth", "check", "--fix"]);
  const before = await files();
  await signalWhenStarting(lab, hanging, { unit: "turn", signal: "KILL" });
  await lab.reboot();
  await expect
    .poll(async () => (await lab.run(["systemctl", "is-active", "turn"])).stdout, { timeout: 10_000 })
    .toBe("active");
  expect(await files()).toEqual(before);
  await lab.output(["systemctl", "disable", "--quiet", "berth-recover.service"]);
  await lab.output(["sh", "-c", "rm /etc/systemd/system/berth-*"]);
  await lab.output(["systemctl", "daemon-reload"]);
});

/** Everything of berth and its units on the host, without what only tells of time. */
async function files(): Promise<string[]> {
  return (await footprint(lab)).filter((entry) => entry.startsWith("/") && !entry.startsWith("/run/"));
}

/** `NUMBER STANDING`, newest first. */
async function standing(): Promise<string[]> {
  const { deployments } = JSON.parse(await lab.output(["berth", "history", "turn", "--json"])) as {
    deployments: {
      number: number;
      current: boolean;
      previous: boolean;
      pinned: boolean;
      activated: string;
    }[];
  };
  return deployments.map(({ number, current, previous, pinned, activated }) => {
    const words = [
      current && "current",
      previous && "previous",
      activated === "" && "staged",
      pinned && "pinned",
    ];
    return `${number} ${words.filter((word) => word !== false).join(", ")}`;
  });
}

/** Of the environment of the service's last run, as the service tells it. */
async function variable(name: string): Promise<string | undefined> {
  const log = await lab.output(["journalctl", "--unit=turn", "--output=cat", "--boot"]);
  const last = log.split("\n").findLast((each) => each.startsWith("probe {")) ?? "";
  return (JSON.parse(last.slice("probe ".length)) as { env: Record<string, string> }).env[name];
}
