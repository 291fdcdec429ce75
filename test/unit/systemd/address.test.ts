import { expect, test } from "vitest";
import { parseBusAddress, unitObjectPath } from "../../../src/systemd/address.ts";

test.each([
  ["unix:path=/run/dbus/system_bus_socket", ["/run/dbus/system_bus_socket"]],
  ["unix:path=/a,guid=0123", ["/a"]],
  ["unix:guid=0123,path=/a", ["/a"]],
  ["unix:abstract=/tmp/x", ["\0/tmp/x"]],
  ["unix:path=/a%20b%2c", ["/a b,"]],
  ["tcp:host=localhost,port=1;unix:path=/a;unix:path=/b", ["/a", "/b"]],
  ["unixexec:path=/bin/x", []],
  ["unix:tmpdir=/tmp", []],
  ["", []],
])("parseBusAddress(%j) is %j", (address, paths) => {
  expect(parseBusAddress(address)).toEqual(paths);
});

test.each([
  ["etcd.service", "etcd_2eservice"],
  ["a-b_c@d.service", "a_2db_5fc_40d_2eservice"],
  ["0a.service", "_30a_2eservice"],
  ["dev-x\\x2dy.device", "dev_2dx_5cx2dy_2edevice"],
])("unitObjectPath(%j) ends in %j", (unit, escaped) => {
  expect(unitObjectPath(unit)).toBe(`/org/freedesktop/systemd1/unit/${escaped}`);
});
