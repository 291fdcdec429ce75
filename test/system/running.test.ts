import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const image = "localhost:5000/probe";
const runtimes = ["systemd", "runc", "crun", "chroot"] as const;
let before: string[];

beforeAll(async () => {
  await lab.output(["berth", "pull", image]);
  // The first namespace with a name leaves a mount behind.
  await lab.output(["ip", "netns", "add", "blue"]);
  await lab.output(["ip", "netns", "del", "blue"]);
});

beforeEach(async () => {
  before = await footprint(lab);
});

afterEach(async () => {
  await lab.run(["berth", "uninstall", "it", "--purge"]);
});

afterAll(async () => {
  await lab.run(["sh", "-c", "umount /run/netns; rmdir /run/netns"]);
});

describe.each(runtimes)("by %s", (runtime) => {
  const install = (...options: string[]) =>
    lab.output(["berth", "install", image, "--name", "it", "--runtime", runtime, ...options]);
  const inside = (script: string) => lab.run(["berth", "run", "it", "sh", "-c", script]);

  test("run: beside the service, with its user, environment, bounds, limits and group", async () => {
    await install();
    const { stdout, exitCode } = await inside(
      "pwd; echo \"$PROBE_FROM\"; umask; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; exit 7",
    );
    expect(exitCode).toBe(7);
    expect(stdout.split("\n").slice(0, 3)).toEqual(["/usr", `the image's "own" $HOME %n`, "0022"]);
    const own = (await probe()).caps;
    expect(stdout).toContain(`CapEff:\t${own["Eff"]}\nCapBnd:\t${own["Bnd"]}\nNoNewPrivs:\t1`);
    expect((await inside("tail -1 /proc/self/cgroup")).stdout).toMatch(/system\.slice\/it\.service/);
    expect((await inside("echo one > /tmp/shared; echo two > /run/shared")).exitCode).toBe(0);
    expect((await inside("cat /tmp/shared /run/shared")).stdout).toBe("one\ntwo");
    expect((await lab.run(["berth", "run", "it", "cat"], { input: "through" })).stdout).toBe("through");
    expect((await lab.run(["berth", "run", "it", "no-such"])).exitCode).toBeGreaterThan(0);
    await gone();
  });

  test("run: by itself when the service is stopped, in the same sandbox", async () => {
    await install();
    await lab.output(["systemctl", "stop", "it"]);
    const { stdout, exitCode } = await inside(
      "pwd; grep NoNewPrivs /proc/self/status; touch /etc/x || echo read-only; touch /var/lib/probe/y; exit 9",
    );
    expect(exitCode).toBe(9);
    expect(stdout).toBe("/usr\nNoNewPrivs:\t1\nread-only");
    expect((await lab.run(["berth", "run", "it", "cat"], { input: "through" })).stdout).toBe("through");
    expect((await lab.run(["ls", "/var/lib/it/var-lib-probe"])).stdout).toBe("y");
    const script = 'x=1; echo "${x} $0 $1 %n"; [ "$$" -gt 0 ]';
    const words = await lab.run(["berth", "run", "it", "sh", "-c", script, "$PROBE_FROM", "${HOME}"]);
    expect(words).toMatchObject({ exitCode: 0, stdout: "1 $PROBE_FROM ${HOME} %n" });
    await gone();
  });

  test("--writable keep: what it writes is there after a restart, and never in the store", async () => {
    await install("--writable", "keep");
    expect((await inside("echo mine > /etc/made; rm /usr/bin/probe; ls /etc/made")).stdout).toBe("/etc/made");
    expect((await lab.run(["berth", "restart", "it"])).exitCode).toBe(1);
    await lab.output(["systemctl", "stop", "it"]);
    expect((await lab.run(["ls", "/var/lib/berth/containers/it.0/rootfs/usr/bin/probe"])).exitCode).toBe(0);
    expect((await inside("cat /etc/made")).stdout).toBe("mine");
    await gone();
  });

  test("--writable discard: what it writes is gone after a stop", async () => {
    await install("--writable", "discard");
    await inside("echo mine > /etc/made");
    await lab.output(["berth", "restart", "it"]);
    expect((await inside("ls /etc/made 2>&1")).exitCode).toBeGreaterThan(0);
    await gone();
  });

  const ways = ["keep", "discard"];
  test.each(ways)(
    "--writable %s: updates, failed ones too, leave no mount of what they replace",
    async (how) => {
      await install("--writable", how);
      const roots = async (): Promise<string[]> =>
        (await lab.output(["sh", "-c", "grep -o 'it[.][0-9]*/root ' /proc/self/mountinfo || true"]))
          .split("\n")
          .map((line) => line.trim());
      const update = (...set: string[]) =>
        lab.run(["berth", "update", "it", "--watch", "1", "--no-pull", "--set", ...set]);
      const failed = await update("PROBE_MODE=crash");
      expect(failed.stderr).toContain("deployment 0 runs again");
      expect(await roots()).toEqual(["it.0/root"]);
      for (const [at, value] of ["A=1", "A=2", "A=3"].entries()) {
        expect(await update(value)).toMatchObject({ exitCode: 0, stderr: "" });
        expect(await roots()).toEqual([`it.${(at + 1) % 2}/root`]);
      }
      await lab.output(["systemctl", "stop", "it"]);
      const stopped = await update("PROBE_MODE=crash");
      expect(stopped).toMatchObject({ exitCode: 0, stderr: "" });
      expect(await roots()).toEqual([""]);
      const entries = await lab.output(["ls", "/var/lib/berth/containers"]);
      expect(entries.split("\n")).toEqual(["it", "it.0", "it.1"]);
      await gone();
    },
  );

  test("--network private: a loopback and nothing else", async () => {
    await install("--network", "private");
    const own = (await inside("readlink /proc/self/ns/net; tail -n +3 /proc/net/dev | cut -d: -f1")).stdout;
    expect(own.replace(/ /g, "")).toMatch(/^net:\[\d+\]\nlo$/);
    expect(own).not.toContain(await lab.output(["readlink", "/proc/1/ns/net"]));
    await gone();
  });

  test("--network ns:NAME: that namespace", async () => {
    await lab.output(["ip", "netns", "add", "blue"]);
    try {
      await lab.output(["ip", "-n", "blue", "link", "add", "only", "type", "veth", "peer", "other"]);
      await install("--network", "ns:blue");
      expect((await inside("cat /proc/net/dev")).stdout).toContain("only:");
      await lab.output(["berth", "uninstall", "it", "--purge"]);
    } finally {
      await lab.output(["ip", "netns", "del", "blue"]);
    }
    expect(await footprint(lab)).toEqual(before);
  });

  test("health: install waits for it, and undoes what does not become healthy", async () => {
    await install("--health-cmd", "test -e /tmp/ok || { touch /tmp/ok; exit 1; }");
    expect((await inside("ls /tmp/ok")).stdout).toBe("/tmp/ok");
    await gone();
    const { exitCode, stderr } = await lab.run([
      ...["berth", "install", image, "--name", "it", "--runtime", runtime, "--json"],
      ...["--health-cmd", "echo not yet; exit 1", "--health-timeout", "1"],
    ]);
    const { error } = JSON.parse(stderr.split("\n").at(-1) ?? "");
    expect({ exitCode, code: error.code }).toEqual({ exitCode: 1, code: "UNHEALTHY" });
    expect(error.causes.join("\n")).toContain("not yet");
    expect(await footprint(lab)).toEqual(before);
  });

  test("health: a port that nobody listens to is not healthy", async () => {
    const { stderr } = await lab.run([
      ...["berth", "install", image, "--name", "it", "--runtime", runtime, "--network", "private"],
      ...["--health-tcp", "5000", "--health-timeout", "1"],
    ]);
    expect(stderr).toContain("nothing answers at 127.0.0.1:5000");
    expect(await footprint(lab)).toEqual(before);
  });

  async function gone(): Promise<void> {
    await lab.output(["berth", "uninstall", "it", "--purge"]);
    expect(await footprint(lab)).toEqual(before);
  }
});

async function probe(): Promise<{ caps: Record<string, string> }> {
  const log = await lab.output(["journalctl", "--unit=it", "--output=cat", "--boot"]);
  const line = log.split("\n").findLast((each) => each.startsWith("probe {")) ?? "";
  return JSON.parse(line.slice("probe ".length));
}

describe("a runtime by its path", () => {
  test("is called as any OCI runtime is", async () => {
    const own = "/opt/any-runtime";
    await lab.output(["sh", "-c", `cp "$(command -v runc)" ${own}`]);
    try {
      const measured = await footprint(lab);
      await lab.output(["berth", "install", image, "--name", "it", "--runtime", own]);
      expect(await lab.output(["berth", "run", "it", "sh", "-c", "tail -1 /proc/self/cgroup"])).toBe(
        "0::/system.slice/it.service/container",
      );
      await lab.output(["systemctl", "restart", "it"]);
      await lab.output(["berth", "uninstall", "it", "--purge"]);
      expect(await footprint(lab)).toEqual(measured);
    } finally {
      await lab.run(["rm", "-rf", own, "/run/runc"]);
    }
  });
});

describe("what systemd has no directive for", () => {
  const template = "/etc/berth/templates/config.json.ejs";

  test("is refused by name, and left out with --runtime-lossy", async () => {
    await lab.output(["mkdir", "-p", "/etc/berth/templates"]);
    await lab.output([
      "sh",
      "-c",
      `sed 's/"linux": {/"linux": { "sysctl": { "net.core.somaxconn": "1" },/' /usr/local/lib/berth/templates/config.json.ejs > ${template}`,
    ]);
    try {
      const install = ["berth", "install", image, "--name", "it", "--runtime", "systemd"];
      const { stderr, exitCode } = await lab.run(install);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("linux.sysctl");
      expect(await footprint(lab)).toEqual(before);
      await lab.output([...install, "--runtime-lossy"]);
      expect(await lab.output(["systemctl", "is-active", "it"])).toBe("active");
    } finally {
      await lab.run(["rm", template]);
    }
  });
});
