import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";
import { publish } from "../support/lab/variants.ts";

const lab = machine();
const quick = ["--watch", "1", "--no-pull"];
const image = "localhost:5000/life/turn:1";
const CONFIG = "/etc/berth/berth.toml";
const HOOK = "/usr/local/sbin/before-update";
let before: string[];

beforeAll(async () => {
  await publish(lab, { of: "probe-notify", as: "life/turn:1", config: { label: "version=1" } });
  await lab.output(["berth", "pull", image]);
  before = await footprint(lab);
});

beforeEach(async () => {
  await installTurn();
});

afterEach(async () => {
  await lab.run(["berth", "uninstall", "turn", "--purge", "--yes"]);
  await lab.run(["rm", "-rf", "/etc/berth", HOOK, "/run/turn", "/run/marked"]);
  // The image goes with its name, and with it what a test made of another one.
  expect((await footprint(lab)).filter((entry) => !entry.includes("/store/"))).toEqual(
    before.filter((entry) => !entry.includes("/store/")),
  );
});

afterAll(async () => {
  await lab.run(["berth", "rmi", image]);
});

function installTurn(): Promise<string> {
  return lab.output(["berth", "install", image, "--name", "turn", "--runtime", "systemd"]);
}

async function fails(...argv: string[]): Promise<{ code: string; message: string; causes: string[] }> {
  const { exitCode, stderr } = await lab.run(["berth", ...argv, "--json"]);
  expect(exitCode).toBe(1);
  return JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "").error;
}

const active = async (name: string): Promise<string> =>
  (await lab.run(["systemctl", "is-active", name])).stdout;
const write = (path: string, input: string): Promise<string> => lab.output(["tee", path], { input });
const entries = async (path: string): Promise<string> => (await lab.run(["ls", "-A", path])).stdout;

describe("tmpfiles lines that mark for removal", () => {
  beforeEach(async () => {
    await lab.output(["berth", "uninstall", "turn", "--purge"]);
    await lab.output(["mkdir", "-p", "/etc/berth/templates", "/run/turn/data"]);
    const lines = [
      "D /run/marked 0755",
      "D /var/lib/turn/var-lib-probe 0755",
      "D /run/turn 0755",
      "R /etc/turn.conf",
    ];
    await write("/etc/berth/templates/tmpfiles.conf.ejs", `${lines.join("\n")}\n`);
    const volume = "/run/turn/data:/data";
    await lab.output([
      "berth",
      "install",
      image,
      "--name",
      "turn",
      "--volume",
      volume,
      "--runtime",
      "systemd",
    ]);
    for (const path of ["/run/marked", "/var/lib/turn/var-lib-probe", "/run/turn/data"])
      await write(`${path}/file`, "data\n");
    await write("/etc/turn.conf", "data\n");
  });
  afterEach(async () => {
    await lab.run(["rm", "-f", "/etc/turn.conf"]);
  });

  const data = (): Promise<string[]> =>
    Promise.all(["/var/lib/turn/var-lib-probe", "/run/turn/data", "/etc/turn.conf"].map(entries));
  const all = ["file", "file", "/etc/turn.conf"];

  test("are done by update, rollback and uninstall, and never to state, volumes and configuration", async () => {
    await lab.output(["berth", "update", "turn", ...quick, "--set", "A=1"]);
    expect(await entries("/run/marked")).toBe("");
    expect(await data()).toEqual(all);
    expect(await active("turn")).toBe("active");
    await write("/run/marked/file", "again\n");
    await lab.output(["berth", "rollback", "turn", "--watch", "1"]);
    expect(await entries("/run/marked")).toBe("");
    await write("/run/marked/file", "again\n");
    await lab.output(["berth", "uninstall", "turn"]);
    expect(await entries("/run/marked")).toBe("");
    expect(await data()).toEqual(all);
    // Installed again, it can be purged of its state.
    await installTurn();
  });

  test("are done to a version that did not stay up, before the old one runs again", async () => {
    await fails("update", "turn", "--no-pull", "--set", "PROBE_MODE=crash");
    expect(await active("turn")).toBe("active");
    expect(await data()).toEqual(all);
  });

  test("uninstall --purge leaves none of it", async () => {
    await lab.output(["berth", "uninstall", "turn", "--purge"]);
    expect(await data()).toEqual(["", "", ""]);
  });
});

describe("events", () => {
  test("each step is an entry of the journal, and history --events reads them", async () => {
    await lab.output(["berth", "update", "turn", ...quick, "--set", "A=secret-value"]);
    await fails("update", "turn", "--watch", "2", "--no-pull", "--set", "PROBE_MODE=crash");
    await lab.output(["berth", "rollback", "turn", "--watch", "0"]);
    const { events } = JSON.parse(await lab.output(["berth", "history", "turn", "--events", "--json"])) as {
      events: {
        change: string;
        step?: string;
        result: string;
        code?: string;
        deployment?: number;
        digest?: string;
      }[];
    };
    const last = events.slice(events.findLastIndex(({ change }) => change === "install"));
    expect(last.map(({ change, step, result, code }) => `${change} ${step ?? code ?? result}`)).toEqual([
      "install done",
      ...["begun", "checkout", "activate", "restart", "watch", "done"].map((step) => `update ${step}`),
      ...["begun", "checkout", "activate", "restart", "go back", "activate", "UPDATE_ROLLED_BACK"].map(
        (step) => `update ${step}`,
      ),
      ...["begun", "activate", "restart", "watch", "done"].map((step) => `rollback ${step}`),
    ]);
    expect(last.at(-1)).toMatchObject({ deployment: 0, digest: expect.stringMatching(/^sha256:/) });
    const raw = await lab.output([
      "journalctl",
      "BERTH_NAME=turn",
      "SYSLOG_IDENTIFIER=berth",
      "--output=json",
    ]);
    expect(raw).toContain('"BERTH_IMAGE_DIGEST":"sha256:');
    expect(raw).not.toContain("secret-value");
  });

  test("what the admin says of a container is on record too, once", async () => {
    const said: string[][] = [
      ["order", "turn", "--after", "network.target"],
      ["pin", "turn"],
      ["pin", "turn"],
      ["unpin", "turn"],
      ["hold", "turn"],
      ["hold", "turn"],
      ["unhold", "turn"],
      ["auto-update", "turn"],
      ["auto-update", "turn", "--off"],
    ];
    for (const words of said) await lab.output(["berth", ...words]);
    const { events } = JSON.parse(await lab.output(["berth", "history", "turn", "--events", "--json"])) as {
      events: { change: string; result: string; deployment?: number; digest?: string }[];
    };
    const last = events.slice(events.findLastIndex(({ change }) => change === "install") + 1);
    const changes = ["order", "pin", "unpin", "hold", "unhold", "auto-update", "no-auto-update"];
    expect(last.map(({ change, result }) => `${change} ${result}`)).toEqual(
      changes.flatMap((change) => [`${change} begun`, `${change} done`]),
    );
    for (const event of last)
      expect(event).toMatchObject({ deployment: 0, digest: expect.stringMatching(/^sha256:/) });
    expect(await lab.output(["berth", "history", "turn", "--events"])).toMatch(/ unhold +done /);
  });

  test("--progress=json has them as lines", async () => {
    const { stderr } = await lab.run([
      "berth",
      "update",
      "turn",
      ...quick,
      "--set",
      "A=1",
      "--progress=json",
    ]);
    const changes = stderr.split("\n").filter((line) => line.includes('"type":"change"'));
    expect(changes.map((line) => JSON.parse(line))).toMatchObject([
      { change: "update", name: "turn", result: "begun", deployment: 1 },
      { change: "update", name: "turn", result: "done", deployment: 1 },
    ]);
  });
});

describe("pre_update", () => {
  const hook = async (script: string, mode = "755"): Promise<void> => {
    await lab.output(["mkdir", "-p", "/etc/berth"]);
    await write(CONFIG, `pre_update = "${HOOK}"\n`);
    await write(HOOK, `#!/bin/sh\n${script}\n`);
    await lab.output(["chmod", mode, HOOK]);
  };

  test("runs before the switch, with the update in its environment", async () => {
    await hook("env | sort | grep BERTH_ > /run/turn; systemctl is-active turn >> /run/turn");
    await lab.output(["berth", "update", "turn", ...quick, "--set", "A=1"]);
    expect((await lab.output(["cat", "/run/turn"])).split("\n")).toEqual([
      "BERTH_DATA=",
      "BERTH_NAME=turn",
      expect.stringMatching(/^BERTH_NEW_DIGEST=sha256:[0-9a-f]{64}$/),
      expect.stringMatching(/^BERTH_OLD_DIGEST=sha256:[0-9a-f]{64}$/),
      "BERTH_STATE_DIRECTORIES=/var/lib/turn:/var/lib/turn/var-lib-probe",
      "active",
    ]);
  });

  test.each<[string, string, string, string, string]>([
    ["fails", "echo no room for a snapshot; exit 7", "755", "HOOK_FAILED", "exit status 7"],
    ["others can write to", "exit 0", "777", "CONFIG_INVALID", "others than root can change it"],
    ["is no executable", "exit 0", "644", "CONFIG_INVALID", "it is not executable"],
  ])("one that %s stops the update", async (_, script, mode, code, reason) => {
    await hook(script, mode);
    const files = await footprint(lab);
    const pid = await lab.output(["systemctl", "show", "turn", "--property=MainPID"]);
    const failure = await fails("update", "turn", ...quick, "--set", "A=1");
    expect(failure).toMatchObject({ code });
    expect(failure.message).toContain(reason);
    expect(await footprint(lab)).toEqual(files);
    expect(await lab.output(["systemctl", "show", "turn", "--property=MainPID"])).toBe(pid);
  });
});

test("a one-way change of data is said by update and by rollback", async () => {
  const label = ["version=2", "berth.data=one-way"];
  const next = await publish(lab, { of: "probe-notify", as: "life/turn:2", config: { label } });
  const dry = await lab.output(["berth", "update", "turn", "--rebase", next, "--dry-run"]);
  expect(dry).toContain("changed for good");
  const update = await lab.run(["berth", "update", "turn", "--rebase", next, "--watch", "1"]);
  expect(update.stderr).toContain("changes its data for good");
  const rollback = await lab.run(["berth", "rollback", "turn", "--watch", "1"]);
  expect(rollback.stderr).toContain("what runs now may not read it");
});

test("enablement is the admin's after the install", async () => {
  await lab.output(["systemctl", "disable", "--quiet", "turn"]);
  await lab.output(["berth", "update", "turn", ...quick, "--set", "A=1"]);
  expect((await lab.run(["systemctl", "is-enabled", "turn"])).stdout).toBe("disabled");
  await lab.output(["systemctl", "enable", "--quiet", "turn"]);
  await lab.output(["berth", "rollback", "turn", "--watch", "1"]);
  expect((await lab.run(["systemctl", "is-enabled", "turn"])).stdout).toBe("enabled");
});

describe("uninstall of a container that another requires", () => {
  const other = ["berth", "install", image, "--name", "later", "--requires", "turn", "--runtime", "systemd"];
  afterEach(async () => {
    await lab.run(["berth", "uninstall", "later", "--purge"]);
  });

  test("says so and does nothing, unless both go or the admin says yes", async () => {
    await lab.output(other);
    expect(await fails("uninstall", "turn")).toMatchObject({
      code: "REQUIRED",
      message: expect.stringContaining("later.service requires turn"),
    });
    expect([await active("turn"), await active("later")]).toEqual(["active", "active"]);
    await lab.output(["berth", "uninstall", "turn", "later", "--purge"]);
    await installTurn();
    await lab.output(other);
    await lab.output(["berth", "uninstall", "turn", "--yes"]);
    expect(await active("later")).toBe("inactive");
    // Installed again, it can be purged of its state.
    await installTurn();
  });
});

describe("automatic updates", () => {
  const auto = "localhost:5000/life/auto:1";
  const as = "life/auto:1";

  beforeEach(async () => {
    await publish(lab, { of: "probe-notify", as, config: { label: "version=1" } });
    await lab.output(["berth", "uninstall", "turn", "--purge"]);
    await lab.output(["berth", "check", "--fix"]);
    await lab.output(["berth", "install", auto, "--name", "turn", "--auto-update", "--runtime", "systemd"]);
    await lab.output(["berth", "install", image, "--name", "later", "--runtime", "systemd"]);
  });
  afterEach(async () => {
    await lab.run(["berth", "uninstall", "later", "--purge"]);
    await lab.run(["systemctl", "disable", "--quiet", "berth-recover.service"]);
    await lab.run(["sh", "-c", "rm -f /etc/systemd/system/berth-*"]);
    await lab.run(["systemctl", "daemon-reload"]);
    await lab.run(["systemctl", "reset-failed"]);
  });

  const updates = async (...argv: string[]): Promise<object[]> => {
    const { stdout } = await lab.run(["berth", "update", ...argv, "--watch", "1", "--json"]);
    return JSON.parse(stdout).updates;
  };

  test("update --auto takes those that opted in; the units are there and no timer is enabled", async () => {
    for (const name of ["update", "verify", "prune"]) {
      expect((await lab.run(["systemctl", "is-enabled", `berth-${name}.timer`])).stdout).toBe("disabled");
      await lab.output(["systemd-analyze", "verify", "--man=no", `/etc/systemd/system/berth-${name}.timer`]);
    }
    await publish(lab, { of: "probe-notify", as, config: { label: "version=2" } });
    await lab.output(["systemctl", "start", "berth-update.service"]);
    const { deployments } = JSON.parse(await lab.output(["berth", "history", "turn", "--json"]));
    expect(deployments).toMatchObject([
      { number: 1, current: true },
      { number: 0, previous: true },
    ]);
    expect(JSON.parse(await lab.output(["berth", "history", "later", "--json"])).deployments).toHaveLength(1);
    expect(await lab.output(["berth", "outdated"])).toBe("nothing is outdated");
    await lab.output(["berth", "verify"]);
    await lab.output(["systemctl", "start", "berth-verify.service", "berth-prune.service"]);
  });

  test("pass over what is held, went back before, or cannot be undone", async () => {
    const crash = { label: "version=3", env: "PROBE_MODE=crash" };
    await publish(lab, { of: "probe-notify", as, config: crash });
    await lab.output(["berth", "hold", "turn"]);
    expect(await updates("--auto")).toEqual([{ name: "turn", outcome: "skipped", reason: "it is held" }]);
    expect(JSON.parse(await lab.output(["berth", "outdated", "--json"])).containers).toMatchObject([
      { name: "turn", state: "outdated", held: true, autoUpdate: true },
    ]);
    await lab.output(["berth", "unhold", "turn"]);
    expect(await updates("--auto")).toMatchObject([{ outcome: "failed", code: "UPDATE_ROLLED_BACK" }]);
    expect(await updates("--auto")).toMatchObject([
      { outcome: "skipped", reason: expect.stringContaining("went back from this image before") },
    ]);
    const oneWay = { label: ["version=4", "berth.data=one-way"] };
    await publish(lab, { of: "probe-notify", as, config: oneWay });
    expect(await updates("--auto")).toMatchObject([
      { outcome: "skipped", reason: expect.stringContaining("changes the data for good") },
    ]);
    expect(await updates("turn")).toMatchObject([{ outcome: "updated", oneWay: true }]);
    await lab.output(["berth", "auto-update", "--off", "turn"]);
    expect(await updates("--auto")).toEqual([]);
  });
});

test("update --all goes in the order in which they start, and one failure does not stop the others", async () => {
  const all = "localhost:5000/life/all:1";
  const as = "life/all:1";
  await publish(lab, { of: "probe-notify", as, config: { label: "version=1" } });
  try {
    await lab.output(["berth", "install", all, "--name", "zeta", "--runtime", "systemd"]);
    await lab.output(["berth", "install", all, "--name", "alpha", "--after", "zeta", "--runtime", "systemd"]);
    await lab.output(["berth", "hold", "turn"]);
    const label = ["version=2", "berth.watchdog=never"];
    await publish(lab, { of: "probe-notify", as, config: { label } });
    const failed = await lab.run(["berth", "update", "--all", "--watch", "1", "--json"]);
    expect(failed.exitCode).toBe(1);
    const outcomes = (stdout: string): string[] =>
      (JSON.parse(stdout).updates as { name: string; outcome: string; code?: string }[]).map(
        ({ name, outcome, code }) => `${name} ${code ?? outcome}`,
      );
    const ofThese = (names: string[]): string[] => names.filter((each) => !each.startsWith("turn "));
    expect(ofThese(outcomes(failed.stdout))).toEqual(["zeta CONFIG_INVALID", "alpha CONFIG_INVALID"]);
    expect(outcomes(failed.stdout)).toContain("turn skipped");
    await publish(lab, { of: "probe-notify", as, config: { label: "version=3" } });
    const done = await lab.output(["berth", "update", "--all", "--watch", "1", "--json"]);
    expect(ofThese(outcomes(done))).toEqual(["zeta updated", "alpha updated"]);
  } finally {
    await lab.run(["berth", "uninstall", "alpha", "zeta", "--purge"]);
  }
});

test("two admins at once take turns, or one is told why not", async () => {
  await lab.output(["berth", "update", "turn", ...quick, "--set", "A=0"]);
  for (let round = 0; round < 3; round += 1) {
    const commands = [
      ["update", "turn", ...quick, "--set", `A=${round + 1}`],
      ["rollback", "turn", "--watch", "1"],
      ...(round === 2 ? [["uninstall", "turn"]] : []),
    ];
    const results = await Promise.all(commands.map((argv) => lab.run(["berth", ...argv, "--json"])));
    for (const { exitCode, stderr } of results) {
      if (exitCode === 0) continue;
      const { error } = JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "");
      expect(["NOT_INSTALLED", "NO_PREVIOUS"]).toContain(error.code);
    }
    const isThere = (await lab.run(["berth", "status", "turn"])).exitCode !== 4;
    expect(isThere).toBe(round < 2);
    expect(await active("turn")).toBe(isThere ? "active" : "inactive");
    expect(JSON.parse(await lab.output(["berth", "recover", "--json"])).recovered).toEqual([]);
  }
  // Installed again, it can be purged of its state.
  await installTurn();
});
