import { expect, test } from "vitest";
import { ociNeeds, ociService } from "../../../src/runtime/oci-service.ts";
import type { OciRuntime } from "../../../src/runtime/runtime.ts";

const BUNDLE = { name: "x", dir: "/d/x.0", root: "/d/x.0/rootfs", notify: false };
const RUNC: OciRuntime = { kind: "oci", path: "/usr/sbin/runc", flavor: "runc" };
const CRUN: OciRuntime = { kind: "oci", path: "/usr/bin/crun", flavor: "crun" };
const YOUKI: OciRuntime = { kind: "oci", path: "/opt/youki", flavor: "other" };

function lines(runtime: OciRuntime, stopSignal?: string): string[] {
  return ociService(runtime, { ...BUNDLE, stopSignal }).directives.map(([key, value]) => `${key}=${value}`);
}

test("ociService() calls any runtime by the words that all of them know", () => {
  expect(ociService(YOUKI, BUNDLE).execStart).toBe("/opt/youki run --bundle /d/x.0 x");
  expect(lines(YOUKI)).toEqual(
    expect.arrayContaining([
      "ExecStartPre=-/opt/youki delete --force x",
      "ExecStopPost=-/opt/youki delete --force x",
    ]),
  );
  expect(ociNeeds(YOUKI, "x.service").cgroupsPath).toBe("/system.slice/x.service/container");
});

test("ociService() keeps crun out of control groups", () => {
  expect(ociService(CRUN, BUNDLE).execStart).toBe(
    "/usr/bin/crun --cgroup-manager=disabled run --bundle /d/x.0 x",
  );
  expect(ociNeeds(CRUN, "x.service").cgroupsPath).toBeUndefined();
  expect(lines(CRUN)).not.toContain("Delegate=yes");
});

test.each([
  ["SIGTERM", "143", undefined],
  ["SIGINT", "143 130", undefined],
  ["SIGWINCH", "143 156", "ExecStop=-/usr/sbin/runc kill x WINCH"],
  ["SIGRTMIN+3", "143", undefined],
])("ociService() lets %s end the container, and that is success", (signal, statuses, stop) => {
  const made = lines(RUNC, signal);
  expect(made).toContain(`SuccessExitStatus=${statuses}`);
  expect(made.find((line) => line.startsWith("ExecStop="))).toBe(stop);
});
