import { expect, test } from "vitest";
import { describeExports } from "../../../src/deploy/describe-exports.ts";
import { planDeployment } from "../../../src/deploy/plan.ts";
import { parseVolume } from "../../../src/deploy/volume.ts";
import { CONFIG, exportsOf, FULL, infoOf, plan, render, UNIT } from "./exports-plan.ts";
import { facts, request } from "./facts.ts";

const KERNEL = ["bus", "fs", "irq", "sys", "sysrq-trigger"].map((name) => `/proc/${name}`);
/** What CONFIG leaves open. */
const OPEN = [
  { kind: "mount", what: `proc, with ${KERNEL.join(" ")} writable` },
  { kind: "namespace", what: "ipc" },
  { kind: "namespace", what: "pid" },
];
const CLOSED = {
  readonlyPaths: KERNEL,
  namespaces: ["mount", "ipc", "pid"].map((type) => ({ type })),
};
const asking = {
  ...FULL,
  serviceTemplate: UNIT.replace("$EXEC_STARTPRE", "/bin/echo $RECEIVER $SECRET"),
  tmpfilesTemplate: "# note\nd /srv/$SECRET 0700\n",
};

test("a plan lists what the image asks for, without values that were set", () => {
  const made = plan(asking, { asked: { values: { SECRET: "hidden" } } });
  expect(made.hostAccess).toEqual([
    { kind: "tmpfiles", what: "d /srv/$SECRET 0700" },
    { kind: "command", what: "ExecStartPre=/bin/echo World $SECRET" },
    { kind: "bind", what: "/run/hello at /var/run" },
    ...OPEN,
    { kind: "capability", what: "CAP_SYS_ADMIN" },
  ]);
  expect(infoOf(made).berth.hostAccess).toEqual(made.hostAccess);
});

test.each([
  ["Environment=LD_PRELOAD=/x", "Service"],
  ["EnvironmentFile=-/etc/x", "Service"],
  ["StandardOutput=file:/etc/cron.d/x", "Service"],
  ["OnFailure=evil.service", "Unit"],
  ["Conflicts=ssh.service", "Unit"],
  ["Alias=ssh.service", "Install"],
])("a plan lists the unit's %s", (line, section) => {
  const made = plan({ ...FULL, serviceTemplate: UNIT.replace(`[${section}]`, `[${section}]\n${line}`) });
  expect(made.hostAccess).toContainEqual({ kind: "setting", what: line });
});

test("a plan does not list what a unit says of its order, its restarts, its limits and its end", () => {
  const lines = ["Type=notify", "RestartSec=5", "LimitNOFILE=9", "KillSignal=SIGINT", "MemoryMax=1G"];
  const serviceTemplate = UNIT.replace("[Install]", `${lines.join("\n")}\n[Install]`).replace(
    "[Unit]",
    "[Unit]\nBefore=docker.service\nConditionVirtualization=vmware",
  );
  expect(plan({ ...FULL, serviceTemplate }).hostAccess.filter(({ kind }) => kind === "setting")).toEqual([]);
});

test("a plan lists what a configuration takes of the host, and nothing that the admin or berth adds", () => {
  const config = JSON.stringify({
    ...CONFIG,
    mounts: [
      { destination: "/disk", type: "ext4", source: "/dev/sda1" },
      { destination: "/host", type: "bind", source: "/", options: ["rbind", "ro"] },
      { destination: "/etc/hosts", type: "bind", source: "/etc/hosts", options: ["ro"] },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs" },
    ],
    linux: {
      devices: [{ path: "/dev/kvm", type: "c" }],
      namespaces: [{ type: "network", path: "/run/netns/x" }],
    },
  });
  const made = plan(
    { config, serviceTemplate: `${UNIT.replace("$RECEIVER", "x")}\n[Service]\nType=notify\n` },
    { asked: { volumes: [parseVolume("/srv:/srv")] } },
  );
  expect(made.hostAccess).toEqual([
    { kind: "mount", what: "ext4 /dev/sda1 at /disk" },
    { kind: "bind", what: "/ at /host (read-only, but for its sockets and what is mounted below)" },
    OPEN[0],
    { kind: "device", what: "/dev/kvm" },
    ...["mount", "ipc", "pid"].map((what) => ({ kind: "namespace", what })),
    { kind: "namespace", what: "network of /run/netns/x" },
  ]);
});

test.each([
  [["ro", "rw"], "bind", "/etc at /x"],
  [["ro", "rrw"], "bind", "/etc at /x"],
  [["rbind", "ro"], "bind", "/etc at /x (read-only, but for what is mounted below)"],
  [["bind", "ro"], undefined, ""],
  [["rbind", "rro"], undefined, ""],
])("a plan lists what can be written to of a bind with the options %j", (options, kind, what) => {
  const mounts = [{ destination: "/x", type: "bind", source: "/etc", options }];
  const config = JSON.stringify({ ...CONFIG, mounts, linux: CLOSED });
  expect(plan({ config }).hostAccess).toEqual(kind === undefined ? [] : [{ kind, what }]);
});

test.each(["/etc/../run/x.sock", "//run/x.sock", "/proc/1/root/etc", "../x", "/dev/sda"])(
  "a plan lists the read-only bind of %s, which takes what is written to it",
  (source) => {
    const mounts = [{ destination: "/x", type: "bind", source, options: ["bind", "ro"] }];
    const config = JSON.stringify({ ...CONFIG, mounts, linux: CLOSED });
    expect(plan({ config }).hostAccess).toMatchObject([{ kind: "bind" }]);
  },
);

test("a plan lists the host's own kernel where it can be written to", () => {
  const mounts = [{ destination: "/sys", type: "sysfs", source: "sysfs" }];
  const config = JSON.stringify({
    ...CONFIG,
    mounts,
    linux: { ...CLOSED, readonlyPaths: KERNEL.slice(1), rootfsPropagation: "shared" },
  });
  expect(plan({ config }).hostAccess).toEqual([
    { kind: "mount", what: "sysfs sysfs at /sys" },
    { kind: "mount", what: "proc, with /proc/bus writable" },
    { kind: "mount", what: "all that it mounts itself (rootfsPropagation)" },
  ]);
});

test("a plan lists a tmpfiles line that only systemd takes for one", () => {
  const made = plan({ ...FULL, tmpfilesTemplate: "# note\rf /etc/cron.d/x - - - - text\n" });
  expect(made.hostAccess).toContainEqual({ kind: "tmpfiles", what: "f /etc/cron.d/x - - - - text" });
});

test.each([
  ["$NAME", []],
  ["dbus", ["RuntimeDirectory=dbus"]],
  ["$NAME dbus", ["RuntimeDirectory=hello dbus"]],
])(
  "a plan lists what is not its own of RuntimeDirectory=%s, which systemd removes when the service ends",
  (value, listed) => {
    const serviceTemplate = UNIT.replace("[Service]", `[Service]\nRuntimeDirectory=${value}`);
    const settings = plan({ ...FULL, serviceTemplate }).hostAccess.filter(({ kind }) => kind === "setting");
    expect(settings.map(({ what }) => what)).toEqual(listed);
  },
);

test("a plan lists nothing for an image without /exports", () => {
  const made = planDeployment("etcd", request(), { facts: facts(), render });
  expect(made.hostAccess).toEqual([]);
});

test("describeExports() has names for what is not known of an image that is not installed", () => {
  expect(describeExports(exportsOf(asking))).toEqual({
    service: true,
    variables: [
      { name: "DESTDIR", from: "host" },
      { name: "EXEC_START", from: "host" },
      { name: "EXEC_STOP", from: "host" },
      { name: "EXEC_STOPPOST", from: "host" },
      { name: "NAME", from: "host" },
      { name: "PIDFILE", from: "host" },
      { name: "RECEIVER", from: "image", default: "World" },
      { name: "RUN_DIRECTORY", from: "host" },
      { name: "SECRET", from: "none" },
      { name: "UUID", from: "host" },
    ],
    hostAccess: [
      { kind: "tmpfiles", what: "d /srv/$SECRET 0700" },
      { kind: "command", what: "ExecStartPre=/bin/echo World $SECRET" },
      { kind: "bind", what: "/run/$NAME at /var/run" },
      ...OPEN,
      { kind: "capability", what: "CAP_SYS_ADMIN" },
    ],
  });
});

test("describeExports() is incomplete for a configuration that is no JSON without values", () => {
  const configTemplate = `{"mounts": [ $MORE ]}`;
  expect(describeExports(exportsOf({ configTemplate }))).toMatchObject({
    incomplete: true,
    hostAccess: [],
  });
});

test("a plan lists annotations that a runtime obeys", () => {
  const annotations = { "run.oci.handler": "wasm", "org.example.note": "nothing to anyone" };
  const config = JSON.stringify({ ...CONFIG, linux: CLOSED, annotations });
  expect(plan({ config }).hostAccess.filter(({ kind }) => kind === "setting")).toEqual([
    { kind: "setting", what: "run.oci.handler=wasm" },
  ]);
});
