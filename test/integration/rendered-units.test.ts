import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { verifyUnit } from "../../src/systemd/verify.ts";

const golden = join(import.meta.dirname, "../unit/deploy/golden");
const units = join(import.meta.dirname, "../../units");

test.each(await readdir(golden))(
  "systemd-analyze verify has nothing to say of the unit and drop-in for %s",
  async (runtime) => {
    const read = (file: string): Promise<string> => readFile(join(golden, runtime, file), "utf8");
    const text = `${await read("etcd.service")}\n${await read("10-berth.conf")}`;
    expect(await verifyUnit("etcd.service", text)).toEqual([]);
  },
);

test.each(await readdir(units))("systemd-analyze verify has nothing to say of %s", async (unit) => {
  expect(await verifyUnit(unit, await readFile(join(units, unit), "utf8"))).toEqual([]);
});

test("verifyUnit() would say something of a wrong line", async () => {
  expect(await verifyUnit("x.service", "[Service]\nExecStart=/bin/x\nRestart=perhaps\n")).not.toEqual([]);
});
