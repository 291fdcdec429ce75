/** What a runtime configuration limits, as systemd and the processes of the service see it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const image = "localhost:5000/probe";
const runtimes = ["systemd", "runc", "crun", "chroot"] as const;
const template = "/etc/berth/templates/config.json.ejs";

beforeAll(async () => {
  await lab.output(["berth", "pull", image]);
  await lab.output(["mkdir", "-p", "/etc/berth/templates"]);
});

afterEach(async () => {
  await lab.run(["berth", "uninstall", "it", "--purge"]);
});

afterAll(async () => {
  await lab.run(["rm", "-f", template]);
});

/** The template that berth brings, with more in two of its objects. */
async function writeTemplate({ process = {}, linux }: { process?: object; linux: object }): Promise<void> {
  const shipped = await lab.output(["cat", "/usr/local/lib/berth/templates/config.json.ejs"]);
  const members = (object: object): string => JSON.stringify(object).slice(1, -1);
  const more = shipped
    .replace('"terminal": false,', `${members({ terminal: false, ...process })},`)
    .replace('"linux": {', `"linux": { ${members(linux)},`);
  await lab.output(["tee", template], { input: more });
}

describe("limits", () => {
  const resources = {
    memory: { limit: 268435456, reservation: 67108864, swap: 402653184 },
    cpu: { shares: 512, quota: 50_000, period: 200_000, cpus: "0" },
    pids: { limit: 99 },
    blockIO: { weight: 500, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1048576 }] },
  };
  const rlimits = [
    { type: "RLIMIT_NOFILE", soft: 1024, hard: 2048 },
    { type: "RLIMIT_CORE", soft: 0, hard: 0 },
  ];
  const shown = {
    MemoryMax: "268435456",
    MemoryLow: "67108864",
    MemorySwapMax: "134217728",
    CPUWeight: "20",
    CPUQuotaPerSecUSec: "250ms",
    CPUQuotaPeriodUSec: "200ms",
    AllowedCPUs: "0",
    TasksMax: "99",
    IOWeight: "4950",
    IOReadBandwidthMax: "/dev/block/8:0 1048576",
  };
  const shownLimits = { LimitNOFILE: "2048", LimitNOFILESoft: "1024", LimitCORE: "0", LimitCORESoft: "0" };

  test.each(runtimes)("by %s: systemctl show tells them", async (runtime) => {
    await writeTemplate({ process: { rlimits }, linux: { resources } });
    await lab.output(["berth", "install", image, "--name", "it", "--runtime", runtime]);
    // An OCI runtime sets the limits of the process itself: its own must not be those.
    const isOci = runtime === "runc" || runtime === "crun";
    const expected = { ...shown, ...(isOci ? {} : shownLimits) };
    const names = Object.keys(expected).join(",");
    const lines = await lab.output(["systemctl", "show", "it", `--property=${names}`]);
    const found = Object.fromEntries(lines.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2)));
    expect(found).toEqual(expected);
    const inside = await lab.output(["berth", "run", "it", "sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -Hc"]);
    expect(inside.split("\n")).toEqual(["1024", "2048", "0"]);
  });
});

describe("the kernel's files", () => {
  afterEach(async () => {
    await lab.run(["sh", "-c", "umount /sys/kernel/debug; mount -o remount,bind,ro /sys"]);
  });

  test.each(["systemd", "runc", "crun"])(
    "by %s: nothing in /sys can be written to, though the host can",
    async (runtime) => {
      await lab.run(["rm", "-f", template]);
      await lab.output(["mount", "-o", "remount,bind,rw", "/sys"]);
      await lab.output(["mount", "-t", "tmpfs", "tmpfs", "/sys/kernel/debug"]);
      await lab.output(["berth", "install", image, "--name", "it", "--runtime", runtime]);
      const mounts = await lab.output(["berth", "run", "it", "cat", "/proc/self/mountinfo"]);
      // What is mounted last at a place hides the others.
      const below = new Map<string, string>();
      for (const line of mounts.split("\n")) {
        const [, , , , path = "", options = ""] = line.split(" ");
        if (/^\/sys(\/|$)/.test(path)) below.set(path, options.split(",")[0] ?? "");
      }
      const places = [...below.keys()];
      expect(places).toEqual(expect.arrayContaining(["/sys", "/sys/fs/cgroup", "/sys/kernel/debug"]));
      expect(places.filter((path) => below.get(path) !== "ro")).toEqual([]);
    },
  );
});

describe("paths that systemd may not keep as they are", () => {
  test.each(["systemd", "chroot"])(
    "by %s: are mounted as they are, or refused and named",
    async (runtime) => {
      await lab.run(["rm", "-f", template]);
      const version = Number((await lab.output(["systemctl", "--version"])).match(/^systemd (\d+)/)?.[1]);
      const source = `/srv/it's "a" \\b`;
      await lab.output(["mkdir", "-p", source]);
      await lab.output(["tee", `${source}/file`], { input: "found" });
      const install = ["berth", "install", image, "--name", "it", "--runtime", runtime];
      const { exitCode, stderr } = await lab.run([...install, "--json", "--volume", `${source}:/data`]);
      if (version < 254) {
        expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
        expect(await lab.output(["berth", "run", "it", "cat", "/data/file"])).toBe("found");
      } else {
        expect(exitCode).toBe(1);
        const { error } = JSON.parse(stderr.split("\n").at(-1) ?? "");
        expect(error.code).toBe("RUNTIME_UNSUPPORTED");
        expect(error.message).toContain(JSON.stringify(source));
      }
      await lab.run(["rm", "-r", source]);
    },
  );
});

describe("system calls", () => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["unlink", "unlinkat"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }],
  };

  test.each(["systemd", "runc", "crun"])(
    "by %s: those that the profile denies are denied to a command beside the service, and to one by itself",
    async (runtime) => {
      await writeTemplate({ linux: { seccomp } });
      await lab.output(["berth", "install", image, "--name", "it", "--runtime", runtime]);
      const remove = ["berth", "run", "it", "sh", "-c", "touch /tmp/x && rm /tmp/x"];
      const denied = { exitCode: 1, stderr: expect.stringContaining("Function not implemented") };
      expect(await lab.run(remove)).toMatchObject(denied);
      await lab.output(["systemctl", "stop", "it"]);
      expect(await lab.run(remove)).toMatchObject(denied);
    },
  );
});
