import { expect, test } from "vitest";
import { seccompDirectives } from "../../../src/runtime/seccomp.ts";

function lines(profile: unknown): string[] {
  return seccompDirectives(profile).directives.map(([key, value]) => `${key}=${value}`);
}

test("seccompDirectives() makes a list of what is allowed", () => {
  const profile = {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [
      { names: ["read", "write"], action: "SCMP_ACT_ALLOW" },
      { names: ["read"], action: "SCMP_ACT_ALLOW" },
      { names: ["bpf"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  };
  expect(lines(profile)).toEqual([
    "SystemCallFilter=read write",
    "SystemCallErrorNumber=1",
    "SystemCallArchitectures=native x86-64 x86",
  ]);
  expect(seccompDirectives(profile).unsupported).toEqual([]);
});

test("seccompDirectives() makes a list of what is denied", () => {
  const syscalls = [
    { names: ["mount"], action: "SCMP_ACT_ERRNO", errnoRet: 13 },
    { names: ["reboot"], action: "SCMP_ACT_KILL" },
  ];
  expect(lines({ defaultAction: "SCMP_ACT_ALLOW", syscalls })).toEqual([
    "SystemCallFilter=~mount:13 reboot:kill",
  ]);
});

test("seccompDirectives() never makes an empty list, which would be no filter", () => {
  expect(lines({ defaultAction: "SCMP_ACT_KILL" })).toEqual(["SystemCallFilter=@default"]);
});

test("seccompDirectives() names rules on arguments, and allows the calls", () => {
  const { directives, unsupported } = seccompDirectives({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [
      { names: ["clone"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] },
    ],
  });
  expect(directives[0]).toEqual(["SystemCallFilter", "clone"]);
  expect(unsupported).toEqual(["rules on the arguments of clone (linux.seccomp)"]);
});

test.each([
  [
    { syscalls: [{ names: ["read"], action: "SCMP_ACT_NOTIFY" }] },
    "the action SCMP_ACT_NOTIFY (linux.seccomp)",
  ],
  [{ architectures: ["SCMP_ARCH_Z80"] }, 'the architectures "SCMP_ARCH_Z80" (linux.seccomp)'],
])("seccompDirectives() names what has no directive: %j", (profile, name) => {
  expect(seccompDirectives({ defaultAction: "SCMP_ACT_ERRNO", ...profile }).unsupported).toEqual([name]);
});

test("seccompDirectives() refuses what is no name of a call", () => {
  const syscalls = [{ names: ["read\nUser=root"], action: "SCMP_ACT_ALLOW" }];
  expect(() => seccompDirectives({ defaultAction: "SCMP_ACT_ERRNO", syscalls })).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID" }),
  );
});
