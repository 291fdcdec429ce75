import { expect, test } from "vitest";
import { parseRuntimeConfig } from "../../../src/oci/runtime-config.ts";

const GOOD = {
  ociVersion: "1.0.2",
  process: { args: ["/bin/x"], cwd: "/" },
  root: { path: "rootfs" },
  linux: { unknown: { kept: true } },
};

test("parseRuntimeConfig() fills in what may be left out and keeps what it does not know", () => {
  expect(parseRuntimeConfig(JSON.stringify(GOOD), "it")).toEqual({
    ...GOOD,
    process: { ...GOOD.process, env: [], user: { uid: 0, gid: 0 } },
    mounts: [],
  });
});

test.each([
  ["not JSON", "{", "not JSON"],
  ["no object", "[]", "object"],
  ["no process", { ...GOOD, process: undefined }, "process"],
  ["no arguments", { ...GOOD, process: { args: [], cwd: "/" } }, "process.args"],
  ["environment that is no list", { ...GOOD, process: { ...GOOD.process, env: "A=1" } }, "process.env"],
  ["a relative directory", { ...GOOD, process: { ...GOOD.process, cwd: "x" } }, "absolute"],
  [
    "a directory behind /proc",
    { ...GOOD, process: { ...GOOD.process, cwd: "/proc/self/fd/8/../.." } },
    "/proc",
  ],
  ["no root", { ...GOOD, root: {} }, "root.path"],
  ["a relative mount", { ...GOOD, mounts: [{ destination: "x" }] }, "mounts"],
  [
    "a mount without a place",
    { ...GOOD, mounts: [{ type: "tmpfs" }] },
    "mounts\\[0\\]\\.destination` is missing",
  ],
  ["a user of words", { ...GOOD, process: { ...GOOD.process, user: { uid: "0" } } }, "process.user.uid"],
  [
    "capabilities that are a list",
    { ...GOOD, process: { ...GOOD.process, capabilities: ["CAP_KILL"] } },
    "process.capabilities` is not an object",
  ],
  [
    "a limit without a number",
    { ...GOOD, process: { ...GOOD.process, rlimits: [{ type: "RLIMIT_CORE", soft: 1 }] } },
    "process.rlimits\\[0\\].hard` is missing",
  ],
  ["a root that may be read-only", { ...GOOD, root: { path: "rootfs", readonly: "yes" } }, "root.readonly"],
  ["namespaces of no type", { ...GOOD, linux: { namespaces: [{}] } }, "namespaces\\[0\\].type"],
  [
    "a device of no number",
    { ...GOOD, linux: { devices: [{ path: "/dev/x", type: "c", major: "1" }] } },
    "major",
  ],
  [
    "rules of seccomp by one name",
    { ...GOOD, linux: { seccomp: { defaultAction: "A", syscalls: [{ name: "read" }] } } },
    "names",
  ],
  [
    "settings of the kernel that are numbers",
    { ...GOOD, linux: { sysctl: { "kernel.x": 1 } } },
    "sysctl.kernel.x",
  ],
  ["hooks", { ...GOOD, hooks: { prestart: [{ path: "/bin/sh" }] } }, "hooks"],
])("parseRuntimeConfig() refuses %s", (_, value, reason) => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  expect(() => parseRuntimeConfig(text, "the file")).toThrow(
    expect.objectContaining({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(new RegExp(`^the file .*${reason}`, "s")),
    }),
  );
});
