import { expect, test } from "vitest";
import { resourceDirectives } from "../../../src/runtime/resources.ts";

function lines(resources: unknown): string[] {
  return resourceDirectives(resources).directives.map(([key, value]) => `${key}=${value}`);
}

test.each<[string, unknown, string[]]>([
  ["nothing", undefined, []],
  [
    "memory, swap beyond it",
    { memory: { limit: 1000, reservation: 500, swap: 1500 } },
    ["MemoryMax=1000", "MemoryLow=500", "MemorySwapMax=500"],
  ],
  [
    "no limit of memory",
    { memory: { limit: -1, swap: -1 } },
    ["MemoryMax=infinity", "MemorySwapMax=infinity"],
  ],
  [
    "processors",
    { cpu: { shares: 1024, quota: 50_000, period: 100_000, cpus: "0-1,3", mems: "0" } },
    ["CPUWeight=39", "CPUQuota=50%", "AllowedCPUs=0-1,3", "AllowedMemoryNodes=0"],
  ],
  [
    "another period",
    { cpu: { quota: 10_000, period: 20_000 } },
    ["CPUQuota=50%", "CPUQuotaPeriodSec=20000us"],
  ],
  ["idle", { cpu: { idle: 1, shares: 2 } }, ["CPUWeight=idle"]],
  ["tasks", { pids: { limit: 7 } }, ["TasksMax=7"]],
  ["tasks without limit", { pids: { limit: 0 } }, ["TasksMax=infinity"]],
  [
    "blocks",
    {
      blockIO: {
        weight: 10,
        weightDevice: [{ major: 8, minor: 0, weight: 1000 }],
        throttleReadBpsDevice: [{ major: 8, minor: 16, rate: 1048576 }],
      },
    },
    ["IOWeight=1", "IODeviceWeight=/dev/block/8:0 10000", "IOReadBandwidthMax=/dev/block/8:16 1048576"],
  ],
  [
    "files of cgroup v2",
    { unified: { "memory.high": "max", "pids.max": "9" } },
    ["MemoryHigh=infinity", "TasksMax=9"],
  ],
])("resourceDirectives() says %s in directives", (_, resources, expected) => {
  expect(lines(resources)).toEqual(expected);
  expect(resourceDirectives(resources).unsupported).toEqual([]);
});

test.each([
  [{ hugepageLimits: [{ pageSize: "2MB", limit: 1 }] }, "linux.resources.hugepageLimits"],
  [{ network: { classID: 1 } }, "linux.resources.network"],
  [{ memory: { swappiness: 1 } }, "linux.resources.memory.swappiness"],
  [{ cpu: { realtimeRuntime: 1 } }, "linux.resources.cpu.realtimeRuntime"],
  [{ unified: { "hugetlb.2MB.max": "1" } }, "linux.resources.unified.hugetlb.2MB.max"],
])("resourceDirectives() names what has no directive: %j", (resources, name) => {
  expect(resourceDirectives(resources).unsupported).toEqual([name]);
});

test.each([
  { memory: { limit: "1\nExecStart=/bin/evil" } },
  { cpu: { cpus: "0\nUser=root" } },
  { pids: [] },
  { unified: { "memory.max": "1 2" } },
])("resourceDirectives() refuses %j", (resources) => {
  expect(() => resourceDirectives(resources)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
});
