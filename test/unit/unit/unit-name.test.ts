import { expect, test } from "vitest";
import { isUnitName, unitNameError } from "../../../src/unit/unit-name.ts";

test.each(["etcd", "a", "etcd-1.2_3", "a:b", "a@b", "0", "x".repeat(230)])(
  "unitNameError() takes %j",
  (name) => {
    expect(unitNameError(name)).toBeUndefined();
  },
);

test.each([
  ["", "it is empty"],
  ["x".repeat(231), "it is longer than 230 characters"],
  ["a b", "a unit name has letters, digits and `:-_.@` only"],
  ["a/b", "a unit name has letters, digits and `:-_.@` only"],
  ["..", "it starts with a dot"],
  [".journal", "it starts with a dot"],
  ["ä", "a unit name has letters, digits and `:-_.@` only"],
  ["a\n", "a unit name has letters, digits and `:-_.@` only"],
  ["a%", "a unit name has letters, digits and `:-_.@` only"],
  ["a\\x2d", "it has a backslash, with which systemd escapes"],
  ["-a", "it starts with a dash, as an option does"],
  ["@a", "it starts with `@`"],
  ["a@", "it ends in `@`: that is a template, which cannot be started"],
])("unitNameError() refuses %j", (name, reason) => {
  expect(unitNameError(name)).toBe(reason);
});

test.each([
  ["docker.service", true],
  ["a@b.socket", true],
  ["dev-disk-by\\x2dlabel-x.device", true],
  ["network-online.target", true],
  ["docker", false],
  [".service", false],
  ["@a.service", false],
  ["a.txt", false],
  ["a b.service", false],
  ["a/b.service", false],
  ["a.service\n", false],
  [`${"x".repeat(250)}.service`, false],
])("isUnitName(%j) is %j", (name, legal) => {
  expect(isUnitName(name)).toBe(legal);
});
