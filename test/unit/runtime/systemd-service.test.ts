import { expect, test } from "vitest";
import type { RuntimeConfig } from "../../../src/oci/runtime-config.ts";
import { systemdService } from "../../../src/runtime/systemd-service.ts";

const BUNDLE = {
  name: "x",
  dir: "/d/x.0",
  root: "/d/x.0/rootfs",
  notify: false,
  environmentFile: "/d/x.0/environment",
  version: 252,
};

const PROCESS = { args: ["/bin/x"], env: [], cwd: "/", user: { uid: 0, gid: 0 } };

function config(more: Partial<RuntimeConfig> = {}): RuntimeConfig {
  return {
    ociVersion: "1.0.2",
    process: { args: ["/bin/x"], env: [], cwd: "/", user: { uid: 0, gid: 0 } },
    root: { path: "rootfs", readonly: true },
    mounts: [],
    ...more,
  };
}

function lines(made: RuntimeConfig): string[] {
  return systemdService(made, BUNDLE).directives.map(([key, value]) => `${key}=${value}`);
}

test.each<[string, Partial<RuntimeConfig>, string[]]>([
  [
    "identity",
    {
      process: { args: ["/bin/x"], env: [], cwd: "/srv", user: { uid: 7, gid: 8, additionalGids: [9, 10] } },
    },
    ["User=7", "Group=8", "SupplementaryGroups=9 10", "WorkingDirectory=/srv"],
  ],
  [
    "limits and score",
    {
      process: {
        args: ["/bin/x"],
        env: [],
        cwd: "/",
        user: { uid: 0, gid: 0 },
        rlimits: [{ type: "RLIMIT_NOFILE", soft: 10, hard: 20 }],
        oomScoreAdj: -5,
        capabilities: { bounding: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"] },
      },
    },
    [
      "CapabilityBoundingSet=CAP_CHOWN",
      "AmbientCapabilities=CAP_CHOWN",
      "OOMScoreAdjust=-5",
      "LimitNOFILE=10:20",
    ],
  ],
  [
    "binds and tmpfs",
    {
      mounts: [
        { destination: "/a", type: "bind", source: "/h a", options: ["rbind", "ro"] },
        { destination: "/b:c", type: "bind", source: "/h%", options: ["bind", "rw"] },
        {
          destination: "/t",
          type: "tmpfs",
          source: "tmpfs",
          options: ["nosuid", "mode=1777", "size=1m", "strictatime"],
        },
      ],
    },
    ["BindReadOnlyPaths=", "BindPaths=", "TemporaryFileSystem=/t:nosuid,mode=1777,size=1m"],
  ],
  [
    "namespaces",
    {
      linux: {
        namespaces: [
          { type: "mount" },
          { type: "ipc" },
          { type: "uts" },
          { type: "network", path: "/run/netns/a" },
        ],
      },
    },
    ["PrivateIPC=yes", "ProtectHostname=yes", "NetworkNamespacePath=/run/netns/a"],
  ],
  [
    "hidden and read-only paths",
    { linux: { maskedPaths: ["/proc/keys"], readonlyPaths: ["/proc/sys"] } },
    ["InaccessiblePaths=-+/proc/keys", "ReadOnlyPaths=-+/proc/sys"],
  ],
])("systemdService() says %s in directives", (_, more, expected) => {
  const made = lines(config(more));
  for (const line of expected) expect(made.some((each) => each.startsWith(line))).toBe(true);
  expect(systemdService(config(more), BUNDLE).unsupported).toEqual([]);
});

test("systemdService() takes every capability away where the configuration has none", () => {
  expect(lines(config())).toContain("CapabilityBoundingSet=");
});

test("systemdService() adds nothing for what RootDirectory= mounts itself", () => {
  const bare = lines(config());
  const mounts = ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"].map((destination) => ({
    destination,
    type: "tmpfs",
  }));
  expect(lines(config({ mounts }))).toEqual(bare);
});

test.each<[string, Partial<RuntimeConfig>]>([
  ["a host name", { hostname: "x" }],
  ["the mount of type nfs", { mounts: [{ destination: "/n", type: "nfs", source: "s:/" }] }],
  [
    "the options rshared",
    { mounts: [{ destination: "/n", type: "bind", source: "/n", options: ["rbind", "rshared"] }] },
  ],
  ["a pid namespace", { linux: { namespaces: [{ type: "pid" }] } }],
  ["a user namespace", { linux: { namespaces: [{ type: "user" }] } }],
  ["linux.sysctl", { linux: { sysctl: { "net.core.somaxconn": "1" } } }],
  ["linux.intelRdt", { linux: { intelRdt: { closID: "x" } } }],
  ["mounts shared with the host", { linux: { rootfsPropagation: "rshared" } }],
  ["the limit", { process: { ...PROCESS, rlimits: [{ type: "RLIMIT_X", soft: 1, hard: 1 }] } }],
  ["a terminal", { process: { ...PROCESS, terminal: true } }],
  [
    "CAP_KILL to be bounding but not effective",
    {
      process: {
        ...PROCESS,
        capabilities: { bounding: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_CHOWN"] },
      },
    },
  ],
])("systemdService() names %s as unsupported", (name, more) => {
  expect(systemdService(config(more), BUNDLE).unsupported).toEqual([expect.stringContaining(name)]);
});

test.each<[number, Partial<RuntimeConfig>, string]>([
  [257, { linux: { namespaces: [{ type: "pid" }] } }, "PrivatePIDs=yes"],
  [257, { linux: { namespaces: [{ type: "cgroup" }] } }, "ProtectControlGroups=private"],
  [258, { hostname: "x", linux: { namespaces: [{ type: "uts" }] } }, "ProtectHostname=yes:x"],
])("systemdService() uses what systemd %d knows", (version, more, line) => {
  const made = systemdService(config(more), { ...BUNDLE, version });
  expect(made.directives.map(([key, value]) => `${key}=${value}`)).toContain(line);
  expect(made.unsupported).toEqual([]);
  expect(systemdService(config(more), BUNDLE).unsupported).toHaveLength(1);
});

test.each<[string, Partial<RuntimeConfig>]>([
  ["a capability", { process: { ...PROCESS, capabilities: { bounding: ["CAP_X\nUser=root"] } } }],
  ["a limit", { process: { ...PROCESS, rlimits: [{ type: "RLIMIT_CPU", soft: 1.5, hard: 2 }] } }],
  ["a host name", { hostname: "x\nExecStart=/bin/evil" }],
  ["a device", { linux: { devices: [{ path: "x" }] } }],
])("systemdService() refuses %s that would be more than a word", (_, more) => {
  expect(() => lines(config(more))).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
});

test("systemdService() has devices of the configuration beside the usual ones", () => {
  const linux = {
    devices: [{ path: "/dev/fuse" }, { path: "/dev/null" }],
    resources: {
      devices: [{ allow: true, type: "c", major: 10, minor: 200, access: "rw" }, { allow: false }],
    },
  };
  expect(lines(config({ linux }))).toEqual(
    expect.arrayContaining([
      "PrivateDevices=yes",
      "BindPaths=/dev/fuse:/dev/fuse",
      "DeviceAllow=/dev/fuse rwm",
      "DeviceAllow=/dev/char/10:200 rw",
    ]),
  );
});

test("systemdService() hides /proc/kcore from those alone that could open it", () => {
  const hidden = (bounding: string[]): string[] =>
    lines(
      config({
        process: { ...PROCESS, capabilities: { bounding } },
        linux: { maskedPaths: ["/proc/kcore", "/proc/keys"] },
      }),
    ).filter((line) => line.startsWith("InaccessiblePaths="));
  expect(hidden(["CAP_CHOWN"])).toEqual(["InaccessiblePaths=-+/proc/keys"]);
  expect(hidden(["CAP_SYS_RAWIO"])).toEqual([
    "InaccessiblePaths=-+/proc/kcore",
    "InaccessiblePaths=-+/proc/keys",
  ]);
});
