import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mountsBelow, mountsOf } from "../../../src/sys/mount-points.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

test("mountsOf() sees a directory through a symlink on the way to it", async () => {
  const dir = await temporaryDirectory("mounts");
  symlinkSync("/", join(dir, "link"));
  const mounts = mountsOf("/proc");
  expect(mounts.length).toBeGreaterThan(0);
  expect(mountsOf(join(dir, "link/proc"))).toEqual(mounts);
});

test("mountsOf() has none of what is not there", () => {
  expect(mountsOf("/proc/none/such")).toEqual([]);
});

test("mountsBelow() sees a directory through a symlink on the way to it", async () => {
  const dir = await temporaryDirectory("mounts");
  symlinkSync("/", join(dir, "link"));
  const mounts = [{ device: "0:1", root: "/", path: `${dir}/data/x` }];
  expect(mountsBelow(join(dir, "link", dir), mounts)).toEqual(mounts);
});
