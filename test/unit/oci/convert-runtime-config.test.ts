import { describe, expect, test } from "vitest";
import { type ConfigHost, convertRuntimeConfig } from "../../../src/oci/convert-runtime-config.ts";

const HOST: ConfigHost = { selinux: true, apparmor: true, capabilities: undefined };
const NOW = { ociVersion: "1.0.2", process: { args: ["/a"], cwd: "/" }, root: { path: "rootfs" } };

const convert = (config: Record<string, unknown>, host: Partial<ConfigHost> = {}) =>
  convertRuntimeConfig(config, { ...HOST, ...host });

/** `more` on top of what no conversion touches. */
function converted(more: Record<string, unknown>, host: Partial<ConfigHost> = {}) {
  return convert({ ...NOW, ...more }, host);
}

describe("convertRuntimeConfig()", () => {
  test.each([
    ["a configuration of today", {}],
    [
      "sets of capabilities",
      { process: { args: ["/a"], cwd: "/", capabilities: { bounding: ["CAP_CHOWN"], effective: [] } } },
    ],
    ["a version 1.1.0", { ociVersion: "1.1.0" }],
    ["what it does not know", { annotations: { a: "b" }, vm: { x: 1 } }],
    [
      "binds of today",
      { mounts: [{ destination: "/a", type: "bind", source: "/b", options: ["rbind", "ro"] }] },
    ],
    [
      "one hierarchy of control groups",
      { mounts: [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" }] },
    ],
    ["hooks, for the reader to refuse", { hooks: { prestart: [{ path: "/x" }] } }],
    ["what is of no shape", { process: "x", linux: 1, mounts: "y" }],
  ])("leaves %s alone", (_, more) => {
    const { config, notes } = converted(more);
    expect(notes).toEqual([]);
    expect(config).toEqual({ ...NOW, ...more });
  });

  test.each(["0.3.0", "1.0.0-rc3", "0.6.0-dev"])("takes version %s as one of today", (ociVersion) => {
    const { config, notes } = converted({ ociVersion });
    expect(config["ociVersion"]).toBe("1.0.2");
    expect(notes).toEqual([expect.stringContaining(`version ${ociVersion}`)]);
  });

  test("puts what 0.3.0 had in `linux` into `process`", () => {
    const limit = { type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 };
    const { config, notes } = convert({
      ociVersion: "0.3.0",
      platform: { os: "linux", arch: "amd64" },
      process: { terminal: false, user: {}, args: ["/a"], cwd: "/" },
      root: { path: "rootfs", readonly: true },
      linux: {
        capabilities: ["CAP_NET_BIND_SERVICE"],
        rlimits: [limit],
        noNewPrivileges: true,
        apparmorProfile: "a",
        selinuxProcessLabel: "s",
        resources: { oomScoreAdj: -5, disableOOMKiller: false, pids: { limit: 3 } },
        seccomp: { defaultAction: "SCMP_ACT_ERRNO", syscalls: [{ name: "read", action: "SCMP_ACT_ALLOW" }] },
        namespaces: [{ type: "mount" }],
      },
    });
    const names = ["CAP_NET_BIND_SERVICE"];
    expect(config).toEqual({
      ociVersion: "1.0.2",
      process: {
        terminal: false,
        user: {},
        args: ["/a"],
        cwd: "/",
        capabilities: { bounding: names, effective: names, permitted: names },
        rlimits: [limit],
        noNewPrivileges: true,
        apparmorProfile: "a",
        selinuxLabel: "s",
        oomScoreAdj: -5,
      },
      root: { path: "rootfs", readonly: true },
      linux: {
        resources: { pids: { limit: 3 } },
        seccomp: {
          defaultAction: "SCMP_ACT_ERRNO",
          syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW" }],
        },
        namespaces: [{ type: "mount" }],
      },
    });
    expect(notes).toHaveLength(10);
  });

  test("keeps what `process` has when `linux` has it too", () => {
    const { config } = converted({
      process: { ...NOW.process, rlimits: [] },
      linux: { rlimits: [{ type: "RLIMIT_CORE", hard: 1, soft: 1 }] },
    });
    expect(config).toMatchObject({ process: { rlimits: [] }, linux: {} });
  });

  test.each([
    ["root", undefined, ["bounding", "effective", "permitted"]],
    ["another user", { uid: 5, gid: 5 }, ["bounding", "effective", "permitted", "inheritable", "ambient"]],
  ])("makes sets of a list of capabilities for %s", (_, user, sets) => {
    const { config } = converted({ process: { ...NOW.process, user, capabilities: ["CAP_KILL"] } });
    const { capabilities } = config["process"] as { capabilities: object };
    expect(capabilities).toEqual(Object.fromEntries(sets.map((set) => [set, ["CAP_KILL"]])));
  });

  test("makes no sets of sets that 0.3.0 had in `linux`", () => {
    const { config } = converted({ linux: { capabilities: { bounding: ["CAP_KILL"] } } });
    expect(config).toMatchObject({ process: { capabilities: { bounding: ["CAP_KILL"] } }, linux: {} });
  });

  test("goes without capabilities that the host cannot give, and names them", () => {
    const { config, notes } = converted(
      { process: { ...NOW.process, capabilities: ["CAP_KILL", "CAP_SYS_BOOT", "CAP_NEW"] } },
      { capabilities: new Set(["CAP_KILL"]) },
    );
    expect(config).toMatchObject({ process: { capabilities: { bounding: ["CAP_KILL"] } } });
    expect(notes).toContain("this host cannot give CAP_NEW, CAP_SYS_BOOT");
  });

  test.each([
    ["SELinux", { selinux: false }, "selinuxLabel"],
    ["AppArmor", { apparmor: false }, "apparmorProfile"],
  ])("leaves out a label where the host has no %s", (name, host, key) => {
    const more = { process: { ...NOW.process, [key]: "x" } };
    const { config, notes } = converted(more, host);
    expect(config["process"]).toEqual(NOW.process);
    expect(notes).toEqual([expect.stringContaining(`no ${name}`)]);
    expect(converted(more).config["process"]).toMatchObject({ [key]: "x" });
  });

  test("has a service without a terminal, and without hooks that are none", () => {
    const { config } = converted({
      process: { ...NOW.process, terminal: true },
      hooks: { prestart: [], poststop: null },
    });
    expect(config).toEqual({ ...NOW, process: { ...NOW.process, terminal: false } });
  });

  const BIND = { destination: "/a", type: "bind", source: "/b" };

  test.each([
    ["options of a tmpfs", { options: ["rbind", "mode=755", "ro"] }, { options: ["rbind", "ro"] }],
    ["no word of recursion", { options: ["ro"] }, { options: ["bind", "ro"] }],
    ["no options", {}, { options: ["bind"] }],
    ["the type rbind", { type: "rbind", options: ["rw"] }, { options: ["rbind", "rw"] }],
    ["another type", { type: "none", options: ["bind"] }, { options: ["bind"] }],
    [
      "a relative place",
      { destination: "a/./b/", options: ["bind"] },
      { destination: "/a/b", options: ["bind"] },
    ],
  ])("makes a plain bind of one with %s", (_, more, expected) => {
    const { config } = converted({ mounts: [{ ...BIND, ...more }] });
    expect(config["mounts"]).toEqual([{ ...BIND, ...expected }]);
  });

  test("leaves the options of a tmpfs", () => {
    const mounts = [{ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=755"] }];
    expect(converted({ mounts }).config["mounts"]).toEqual(mounts);
  });

  test.each([
    ["read-only", ["bind", "ro"], "ro"],
    ["writable", ["bind"], "rw"],
  ])("has one hierarchy of control groups, %s, in the place of many", (_, options, mode) => {
    const below = (name: string) => ({
      destination: `/sys/fs/cgroup/${name}`,
      type: "bind",
      source: `/sys/fs/cgroup/${name}`,
      options,
    });
    const { config, notes } = converted({
      mounts: [
        { destination: "/sys/fs/cgroup", type: "tmpfs", source: "tmpfs", options: ["mode=755"] },
        below("systemd"),
        below("cpu,cpuacct"),
      ],
    });
    expect(config["mounts"]).toEqual([
      {
        destination: "/sys/fs/cgroup",
        type: "bind",
        source: "/sys/fs/cgroup",
        options: ["rbind", mode, "nosuid", "noexec", "nodev"],
      },
    ]);
    expect(notes).toHaveLength(2);
  });

  test("takes null for what is not there, as Go writes it", () => {
    const { config } = converted({ hostname: null, mounts: [{ ...BIND, options: null }] });
    expect(config).toEqual({ ...NOW, mounts: [{ ...BIND, options: ["bind"] }] });
  });

  test("refuses what is nested so deep that a reader would fail", () => {
    const annotations = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`) as unknown;
    expect(() => converted({ annotations })).toThrow(/nested deeper/);
  });

  test("changes nothing of what it is given", () => {
    const given = {
      ociVersion: "0.3.0",
      process: { args: ["/a"] },
      linux: { capabilities: ["CAP_KILL"] },
      mounts: [{ destination: "a", type: "rbind", source: "/" }],
    };
    const before = JSON.stringify(given);
    convert(given);
    expect(JSON.stringify(given)).toBe(before);
  });
});
