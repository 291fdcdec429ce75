import { expect, test } from "vitest";
import { cyclesOf } from "../../../src/systemd/verify-order.ts";

test("cyclesOf() reads the circles that systemd-analyze reports", () => {
  const stderr = [
    "/usr/lib/systemd/system/x.service:3: Unknown key name 'Foo' in section 'Unit', ignoring.",
    "bad.service: Found ordering cycle on docker.service/start",
    "bad.service: Found dependency on etcd.service/start",
    "bad.service: Found dependency on bad.service/start",
    "bad.service: Job docker.service/start deleted to break ordering cycle starting with bad.service/start",
    "a.target: Found ordering cycle on b.service/start",
    "a.target: Found dependency on a.target/start",
    "",
  ].join("\n");
  expect(cyclesOf(stderr)).toEqual([
    ["bad.service", "docker.service", "etcd.service", "bad.service"],
    ["a.target", "b.service", "a.target"],
  ]);
  expect(cyclesOf("")).toEqual([]);
});
