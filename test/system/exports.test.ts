/** Images in the /exports format under each runtime: what Atomic's images ask of a host, and how they get on with systemd. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeExportsImage } from "../support/lab/exports-image.ts";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
let image: string;
let before: string[];

/** As old as the format: OCI 0.3.0, control groups of version 1, and a label that no Debian knows. */
const CONFIG = `{
  "ociVersion": "0.3.0",
  "platform": { "os": "linux", "arch": "amd64" },
  "process": {
    "terminal": false, "user": {}, "args": ["probe", "$RECEIVER"], "cwd": "/",
    "env": ["PATH=/usr/bin:/bin", "PERL_BADLANG=0", "PROBE_WRITE=/state", "UUID=$UUID", "PORT=$PORT", "PROBE_MODE=$MODE"],
    "selinuxLabel": "system_u:system_r:container_runtime_t:s0"
  },
  "root": { "path": "rootfs", "readonly": true },
  "mounts": [
    { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755"] },
    { "destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777"] },
    { "destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"] },
    { "destination": "/sys/fs/cgroup", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"] },
    { "destination": "/sys/fs/cgroup/systemd", "type": "bind", "source": "/sys/fs/cgroup/systemd", "options": ["ro"] },
    { "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"] },
    { "destination": "/state/", "type": "bind", "source": "\${STATE_DIRECTORY}/\${NAME}", "options": ["rw", "rprivate", "mode=755"] }
    $ADDTL_MOUNTS
  ],
  "linux": {
    "capabilities": [\${ALL_PROCESS_CAPABILITIES}],
    "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
    "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
    "namespaces": [{ "type": "mount" } $NAMESPACES]
  }
}`;

const UNIT = `[Unit]
Description=Probe of $RECEIVER
After=network.target
[Service]
Type=notify
NotifyAccess=all
ExecStartPre=$EXEC_STARTPRE
ExecStart=$EXEC_START
ExecStop=$EXEC_STOP
ExecStopPost=$EXEC_STOPPOST
WorkingDirectory=$DESTDIR
PIDFile=$PIDFILE
Restart=on-crash
RuntimeDirectory=\${NAME}
[Install]
WantedBy=multi-user.target
`;

const NAMESPACES = ',{"type":"pid"},{"type":"ipc"}';
const FILES = {
  "manifest.json": JSON.stringify({
    version: "1.0",
    defaultValues: { PORT: "8081", RECEIVER: "World", MODE: "", ADDTL_MOUNTS: "", NAMESPACES },
  }),
  "config.json.template": CONFIG,
  "service.template": UNIT,
  "tmpfiles.template": "d ${STATE_DIRECTORY}/${NAME} 0700 - - - -\n",
};

beforeAll(async () => {
  image = await makeExportsImage(lab, { of: "probe", as: "exports-probe", files: FILES });
  // What a first install leaves: the directories of the state and of the store.
  await lab.output(["berth", "install", image, "--name", "it", "--no-start"]);
  await lab.output(["berth", "uninstall", "it", "--purge"]);
  await lab.output(["berth", "rmi", image]);
}, 300_000);

beforeEach(async () => {
  before = await footprint(lab);
});

afterEach(async () => {
  await lab.run(["berth", "uninstall", "it", "--purge"]);
  await lab.run(["rm", "-rf", "/var/lib/it"]);
  await lab.run(["berth", "rmi", image]);
});

afterAll(async () => {
  await rm(join(lab.dir, "var/exports-probe"), { recursive: true, force: true });
});

interface Report {
  argv: string[];
  env: Record<string, string>;
  caps: Record<string, string>;
  writable: Record<string, "yes" | "no">;
  mounts: string[];
  limits: Record<string, string>;
  pid: string;
}

async function report(): Promise<Report> {
  const log = await lab.output(["journalctl", "--unit=it", "--output=cat", "--grep=^probe {", "--lines=1"]);
  return JSON.parse(log.slice("probe ".length)) as Report;
}

const show = (property: string): Promise<string> =>
  lab.output(["systemctl", "show", "it", "--value", `--property=${property}`]);

describe.each([
  ["runc", []],
  ["crun", []],
  // Debian 12's systemd has no process numbers of its own to give.
  ["systemd", ["--set", "NAMESPACES="]],
  ["chroot", ["--set", "NAMESPACES="]],
] as const)("by %s", (runtime, more) => {
  test("an image of Atomic's time starts, says that it is ready, stops, and leaves nothing", async () => {
    const options = ["--name", "it", "--runtime", runtime, "--set", "RECEIVER=you", ...more];
    const shown = await lab.output(["berth", "install", image, ...options]);
    expect(shown).toContain("note: /exports/config.json.template: it is written for version 0.3.0");
    expect(shown).toContain("this host has no SELinux");
    expect(await show("Type")).toBe("notify");
    expect(await show("ActiveState")).toBe("active");
    expect(await show("StatusText")).toBe("probing");
    const told = await report();
    expect(told.argv.at(-1)).toBe("you");
    expect(told.env).toMatchObject({ PORT: "8081", UUID: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(told.writable).toMatchObject({ "/state": "yes", "/etc": "no", "/usr": "no", "/tmp": "yes" });
    expect(told.limits["open files"]).toBe("1024:1024");
    if (runtime === "runc" || runtime === "crun") expect(told.pid).toBe("1");
    expect(await lab.output(["stat", "--format=%a", "/var/lib/it"])).toBe("700");
    expect(await lab.output(["berth", "run", "it", "sh", "-c", "echo inside"])).toBe("inside");
    await lab.output(["berth", "verify", "it"]);
    await lab.output(["systemctl", "stop", "it"]);
    expect(await show("Result")).toBe("success");
    await lab.output(["berth", "start", "it"]);
    await lab.output(["berth", "uninstall", "it"]);
    expect(await lab.output(["ls", "-d", "/var/lib/it"])).toBe("/var/lib/it");
    await lab.output(["rm", "-r", "/var/lib/it"]);
    await lab.output(["berth", "rmi", image]);
    expect(await footprint(lab)).toEqual(before);
  });

  test("it is updated to other values, with the UUID that it had, and goes back when it does not start", async () => {
    await lab.output(["berth", "install", image, "--name", "it", "--runtime", runtime, ...more]);
    const first = await report();
    await lab.output(["berth", "update", "it", "--no-pull", "--watch", "1", "--set", "PORT=8082"]);
    const second = await report();
    expect(second.env).toMatchObject({ PORT: "8082", UUID: first.env["UUID"] });
    const failed = ["berth", "update", "it", "--no-pull", "--watch", "1", "--set", "MODE=crash"];
    expect(await lab.run(failed)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("deployment 1 runs again"),
    });
    expect((await report()).env).toMatchObject({ PORT: "8082", PROBE_MODE: "" });
    expect(await lab.output(["berth", "update", "it", "--no-pull"])).toContain(
      "Latest version already installed",
    );
    await lab.output(["berth", "rollback", "it", "--watch", "1"]);
    expect((await report()).env["PORT"]).toBe("8081");
  });
});

test("mounts that a value adds are there", async () => {
  const mount = ',{"destination":"/host-etc","type":"bind","source":"/etc","options":["rbind","ro"]}';
  await lab.output(["berth", "install", image, "--name", "it", "--set", `ADDTL_MOUNTS=${mount}`]);
  expect((await report()).mounts.some((line) => line.startsWith("/host-etc ro"))).toBe(true);
});

test.each(["runc", "crun"])("a mount of type cgroup is one under %s", async (runtime) => {
  const mount =
    ',{"destination":"/cg","type":"cgroup","source":"cgroup","options":["ro","nosuid","noexec","nodev"]}';
  const options = ["--name", "it", "--runtime", runtime, "--set", `ADDTL_MOUNTS=${mount}`];
  await lab.output(["berth", "install", image, ...options]);
  expect((await lab.run(["berth", "run", "it", "test", "-f", "/cg/cgroup.controllers"])).exitCode).toBe(0);
});

test("`berth run` of a stopped one has the image's own configuration", async () => {
  await lab.output(["berth", "install", image, "--name", "it", "--no-start"]);
  expect(
    await lab.output(["berth", "run", "it", "sh", "-c", 'echo "$PORT"; touch /state/x && echo written']),
  ).toBe("8081\nwritten");
});
