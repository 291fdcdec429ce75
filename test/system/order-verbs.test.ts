import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const probe = "localhost:5000/probe";
let before: string[];

beforeAll(async () => {
  await lab.output(["berth", "pull", probe]);
  before = await footprint(lab);
});

afterAll(async () => {
  for (const name of ["three", "two", "one", "lame"]) await lab.run(["berth", "uninstall", name, "--purge"]);
});

const dropInOf = (name: string): Promise<string> =>
  lab.output(["cat", `/etc/systemd/system/${name}.service.d/10-berth.conf`]);

async function json(argv: readonly string[]): Promise<unknown> {
  return JSON.parse(await lab.output(["berth", ...argv, "--json"]));
}

describe("berth order", () => {
  test("install tells what Requires= and PartOf= imply", async () => {
    await lab.output(["berth", "install", probe, "--name", "one"]);
    const said = await lab.output(["berth", "install", probe, "--name", "two", "--requires", "one"]);
    expect(said).toContain(
      "note: two requires one.service: it does not start without, and a stop or restart there stops or restarts it too",
    );
    await lab.output(["berth", "install", probe, "--name", "three", "--part-of", "two", "--after", "two"]);
    expect(await dropInOf("three")).toContain("PartOf=two.service\n");
  });

  test("without options shows the order", async () => {
    expect(await json(["order", "three"])).toMatchObject({
      name: "three",
      order: { after: ["two"], before: [], requires: [], wants: [], partOf: ["two"] },
      wantedBy: ["multi-user.target"],
      changed: false,
    });
  });

  test("adds to it, in the unit that systemd has loaded, and what runs goes on", async () => {
    const id = await lab.output(["systemctl", "show", "three", "--property=InvocationID"]);
    await lab.output(["berth", "order", "three", "--after", "one"]);
    expect(await dropInOf("three")).toContain("After=two.service one.service\n");
    const shown = await lab.output(["systemctl", "show", "three", "--property=After,NeedDaemonReload"]);
    expect(shown).toMatch(/^NeedDaemonReload=no$/m);
    expect(shown).toMatch(/^After=.*one\.service/m);
    expect(await lab.output(["systemctl", "show", "three", "--property=InvocationID"])).toBe(id);
  });

  test("--clear with another WantedBy= enables it there and no longer at boot", async () => {
    await lab.output(["berth", "order", "three", "--clear", "--wants", "two", "--wanted-by", "two"]);
    const links = await lab.output(["find", "/etc/systemd/system", "-name", "three.service", "-type", "l"]);
    expect(links).toBe("/etc/systemd/system/two.service.wants/three.service");
    expect(await dropInOf("three")).not.toMatch(/^(After|PartOf)=/m);
  });

  test("of a unit that the admin disabled leaves it disabled", async () => {
    await lab.output(["systemctl", "disable", "--quiet", "three"]);
    await lab.output(["berth", "order", "three", "--clear", "--after", "two"]);
    expect((await lab.run(["systemctl", "is-enabled", "three"])).stdout).toBe("disabled");
    await lab.output(["systemctl", "enable", "--quiet", "three"]);
  });

  test("killed at any moment is finished or was not begun", async () => {
    for (const [round, milliseconds] of [40, 80, 100, 120, 140, 160, 180, 200, 240, 300].entries()) {
      const asked = round % 2 === 0 ? ["--before", "x"] : ["--requires", "two"];
      await lab.run([
        "timeout",
        "--signal=KILL",
        `${milliseconds / 1000}`,
        "berth",
        "order",
        "three",
        "--clear",
        ...asked,
      ]);
      await lab.output(["berth", "recover"]);
      expect(await dropInOf("three")).toBe(
        await lab.output(["cat", "/var/lib/berth/containers/three/10-berth.conf"]),
      );
      const { order } = (await json(["order", "three"])) as {
        order: { before: string[]; requires: string[] };
      };
      const text = await dropInOf("three");
      expect([text.includes("Before=x.service"), text.includes("Requires=two.service")]).toEqual([
        order.before.includes("x"),
        order.requires.includes("two"),
      ]);
      expect(await lab.output(["systemctl", "show", "three", "--property=NeedDaemonReload"])).toBe(
        "NeedDaemonReload=no",
      );
    }
  });

  test("an interrupted change is finished by recover", async () => {
    const files = ["three.service", "10-berth.conf", "info"].map((name) => ({
      name,
      mode: name === "info" ? 0o600 : 0o644,
    }));
    const texts = await Promise.all(
      files.map(({ name }) =>
        lab.output(["sh", "-c", `cat /var/lib/berth/containers/three/${name}; echo x`]),
      ),
    );
    const journal = {
      schema: 1,
      action: "order",
      name: "three",
      reenable: false,
      files: files.map((file, at) => ({
        ...file,
        text: (texts[at] ?? "")
          .slice(0, -1)
          .replace("[Unit]\nRequiresMountsFor", "[Unit]\nBefore=y.service\nRequiresMountsFor"),
      })),
    };
    await lab.output(["tee", "/var/lib/berth/containers/.journal/three.json"], {
      input: JSON.stringify(journal),
    });
    expect(await json(["recover"])).toEqual({
      schema: 1,
      recovered: [{ name: "three", action: "order", outcome: "finished" }],
    });
    expect(await lab.output(["systemctl", "show", "three", "--property=Before"])).toContain("y.service");
    expect(await json(["recover"])).toEqual({ schema: 1, recovered: [] });
  });
});

describe("start, stop and restart of several", () => {
  beforeAll(async () => {
    await lab.output(["berth", "order", "three", "--clear", "--after", "two"]);
  });

  const times = async (name: string, property: string): Promise<number> =>
    Number(await lab.output(["systemctl", "show", name, "--value", `--property=${property}Monotonic`]));

  test("go in the order of the graph whatever the order of the names, and back", async () => {
    await lab.output(["berth", "stop", "one", "two", "three"]);
    for (const [later, earlier] of [
      ["three", "two"],
      ["two", "one"],
    ] as const) {
      expect(await times(later, "InactiveEnterTimestamp")).toBeLessThanOrEqual(
        await times(earlier, "ActiveExitTimestamp"),
      );
    }
    await lab.output(["berth", "start", "three", "two", "one"]);
    for (const [later, earlier] of [
      ["three", "two"],
      ["two", "one"],
    ] as const) {
      expect(await times(earlier, "ActiveEnterTimestamp")).toBeLessThanOrEqual(
        await times(later, "InactiveExitTimestamp"),
      );
    }
    await lab.output(["berth", "restart", "two", "three", "one"]);
    for (const [later, earlier] of [
      ["three", "two"],
      ["two", "one"],
    ] as const) {
      expect(await times(later, "InactiveEnterTimestamp")).toBeLessThanOrEqual(
        await times(earlier, "ActiveExitTimestamp"),
      );
      expect(await times(earlier, "ActiveEnterTimestamp")).toBeLessThanOrEqual(
        await times(later, "InactiveExitTimestamp"),
      );
    }
  });

  test("one that fails does not stop those that do not require it", async () => {
    await lab.output([
      "berth",
      "install",
      probe,
      "--name",
      "lame",
      "--env",
      "PROBE_MODE=crash",
      "--notify",
      "--no-start",
    ]);
    await lab.output(["berth", "stop", "one", "two", "three"]);
    await lab.output(["berth", "order", "two", "--clear", "--requires", "lame"]);
    const started = await lab.run(["berth", "start", "one", "two", "three", "lame", "--json"]);
    expect(started.exitCode).toBe(1);
    const { containers } = JSON.parse(started.stdout) as {
      containers: { name: string; state: string; error?: object }[];
    };
    const of = (name: string) => containers.find((container) => container.name === name);
    expect(of("one")).toEqual({ name: "one", state: "active" });
    expect(of("lame")?.error).toMatchObject({ code: "JOB_FAILED" });
    expect(of("two")).toMatchObject({
      state: "inactive",
      error: { message: expect.stringContaining("job dependency") },
    });
    expect(of("three")).toEqual({ name: "three", state: "active" });
  });

  test("of a name that is not installed does nothing at all", async () => {
    const failed = await lab.run(["berth", "stop", "one", "none"]);
    expect(failed.stderr).toContain('no container "none" is installed');
    expect(await lab.output(["systemctl", "is-active", "one"])).toBe("active");
  });

  test("uninstall of several takes the later ones first and leaves nothing", async () => {
    await lab.output(["berth", "order", "two", "--clear", "--requires", "one"]);
    const { uninstalled } = (await json(["uninstall", "one", "lame", "two", "three", "--purge"])) as {
      uninstalled: { name: string }[];
    };
    const names = uninstalled.map(({ name }) => name).filter((name) => name !== "lame");
    expect(names).toEqual(["three", "two", "one"]);
    await sleep(100);
    expect(await footprint(lab)).toEqual(before);
  });
});
