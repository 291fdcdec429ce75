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
