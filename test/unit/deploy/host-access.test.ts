import { expect, test } from "vitest";
import { describeExports } from "../../../src/deploy/describe-exports.ts";
import { planDeployment } from "../../../src/deploy/plan.ts";
import { parseVolume } from "../../../src/deploy/volume.ts";
import { CONFIG, exportsOf, FULL, infoOf, plan, render, UNIT } from "./exports-plan.ts";
import { facts, request } from "./facts.ts";

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
    { kind: "bind", what: "/ at /host (read-only, but for its sockets)" },
    { kind: "device", what: "/dev/kvm" },
    { kind: "namespace", what: "network of /run/netns/x" },
  ]);
});

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
