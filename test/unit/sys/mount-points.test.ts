import { expect, test } from "vitest";
import { mountsOf, parseMounts, readMounts } from "../../../src/sys/mount-points.ts";

test("parseMounts reads file system, root and place, and undoes their escapes", () => {
  const line = "36 35 98:0 /mnt\\0401 /mnt/with\\040space\\134 rw,noatime master:1 - ext3 /dev/root rw\n";
  expect(parseMounts(line)).toEqual([{ device: "98:0", root: "/mnt 1", path: "/mnt/with space\\" }]);
});

test("mountsOf finds what shows a directory, wherever it is seen", () => {
  const root = readMounts().findLast(({ path }) => path === "/");
  const { device = "", root: base = "" } = root ?? {};
  const below = base === "/" ? "" : base;
  const mounts = [
    { device, root: `${below}/no/such/dir`, path: "/elsewhere" },
    { device, root: `${below}/no/such`, path: "/above" },
    { device: "0:0", root: `${below}/no/such/dir`, path: "/of another file system" },
  ];
  expect(mountsOf("/no/such/dir", mounts).map(({ path }) => path)).toEqual(["/elsewhere"]);
});
