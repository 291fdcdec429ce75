import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mountsBelow, mountsOf, parseMounts, readMounts } from "../../../src/sys/mount-points.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

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

test("mountsOf and mountsBelow see a directory through a symlink on the way to it", async () => {
  const dir = await temporaryDirectory("mounts");
  symlinkSync("/", join(dir, "link"));
  const mounts = mountsOf("/proc");
  expect(mounts.length).toBeGreaterThan(0);
  expect(mountsOf(join(dir, "link/proc"))).toEqual(mounts);
  const below = [{ device: "0:1", root: "/", path: `${dir}/data` }];
  expect(mountsBelow(join(dir, "link", dir), below)).toEqual(below);
});
