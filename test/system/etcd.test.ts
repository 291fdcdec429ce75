import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const image = "localhost:5000/etcd";
const lab = machine();

/** What systemd starts, by runtime: etcd itself, or the runtime that holds it. */
const mainProcess = { systemd: "etcd", runc: "runc", crun: "crun" };

beforeAll(async () => {
  await lab.output(["berth", "pull", image]);
});

describe.each(["systemd", "runc", "crun"] as const)("etcd by %s", (runtime) => {
  let before: string[];

  beforeAll(async () => {
    before = await footprint(lab);
  });

  afterAll(async () => {
    await lab.run(["berth", "uninstall", "etcd", "--purge"]);
  });

  test("install starts it and returns when it is ready", async () => {
    await lab.output(["berth", "install", image, "--name", "etcd", "--runtime", runtime]);
    await lab.output(["etcdctl", "put", "greeting", `hello from ${runtime}`]);
    expect(await lab.output(["etcdctl", "get", "greeting", "--print-value-only"])).toBe(
      `hello from ${runtime}`,
    );
  });

  test("systemctl status shows the command and the cgroup that it runs in", async () => {
    const shown = await lab.output(["systemctl", "status", "etcd", "--no-pager", "--full"]);
    expect(shown).toContain("Active: active (running)");
    expect(shown).toMatch(new RegExp(`Main PID: \\d+ \\(${mainProcess[runtime]}\\)`));
    expect(shown).toMatch(/CGroup: \/system\.slice\/etcd\.service\n[\s\S]*\/usr\/bin\/etcd/);
    expect(await lab.output(["cat", `/proc/${await etcdPid()}/cgroup`])).toMatch(
      /^0::\/system\.slice\/etcd\.service(\/container)?$/m,
    );
  });

  test("its root file system is read-only and its data directory is not", async () => {
    const root = `/proc/${await etcdPid()}/root`;
    for (const change of [
      ["touch", `${root}/new`],
      ["chmod", "0700", `${root}/usr/bin/etcd`],
    ]) {
      const { exitCode, stderr } = await lab.run(change);
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: expect.stringContaining("Read-only file system"),
      });
    }
    await lab.output(["touch", `${root}/var/lib/etcd/.writable`]);
  });

  test("berth status, list and logs show it", async () => {
    expect(JSON.parse(await lab.output(["berth", "status", "etcd", "--json"]))).toMatchObject({
      schema: 1,
      name: "etcd",
    });
    const { containers } = JSON.parse(await lab.output(["berth", "list", "--json"]));
    expect(containers).toMatchObject([
      { name: "etcd", image: "localhost:5000/etcd:latest", state: "active" },
    ]);
    expect(await lab.output(["berth", "logs", "etcd", "--lines", "1000"])).toContain(
      "serving client traffic",
    );
  });

  test("systemctl stop is clean, and what it stored is there after a start", async () => {
    await lab.output(["systemctl", "stop", "etcd"]);
    const properties = ["ActiveState", "Result"].map((name) => `--property=${name}`);
    const stopped = await lab.output(["systemctl", "show", "etcd", ...properties]);
    expect(stopped.split("\n").sort()).toEqual(["ActiveState=inactive", "Result=success"]);
    expect((await lab.run(["pgrep", "-x", "etcd|runc|crun"])).stdout).toBe("");
    expect((await lab.run(["berth", "status", "etcd"])).exitCode).toBe(3);
    await lab.output(["berth", "start", "etcd"]);
    expect(await lab.output(["etcdctl", "get", "greeting", "--print-value-only"])).toBe(
      `hello from ${runtime}`,
    );
  });

  test("kill -9 of what systemd started is followed by one clean restart", async () => {
    await lab.output(["systemctl", "kill", "--kill-who=main", "--signal=KILL", "etcd"]);
    await expect
      .poll(() => lab.output(["systemctl", "show", "etcd", "--property=NRestarts,ActiveState"]), {
        timeout: 10_000,
      })
      .toBe("NRestarts=1\nActiveState=active");
    expect((await lab.output(["pgrep", "-x", "etcd"])).split("\n")).toHaveLength(1);
    expect(await lab.output(["etcdctl", "get", "greeting", "--print-value-only"])).toBe(
      `hello from ${runtime}`,
    );
  });

  test("it is back after a reboot", async () => {
    await lab.reboot();
    expect(await lab.output(["systemctl", "is-active", "etcd"])).toBe("active");
    expect(await lab.output(["etcdctl", "get", "greeting", "--print-value-only"])).toBe(
      `hello from ${runtime}`,
    );
  });

  test("uninstall leaves no file, no unit, no mount, no process", async () => {
    await lab.output(["berth", "uninstall", "etcd", "--purge"]);
    expect(await footprint(lab)).toEqual(before);
    expect((await lab.run(["ls", "/var/lib/etcd"])).exitCode).toBe(2);
    expect((await lab.run(["berth", "status", "etcd"])).exitCode).toBe(4);
  });
});

/** As the machine sees it, not the container. */
async function etcdPid(): Promise<string> {
  return lab.output(["pgrep", "-x", "etcd"]);
}
