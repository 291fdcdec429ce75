import { afterEach, beforeEach, expect, test } from "vitest";
import { readDetails, readOrder } from "../../src/systemd/graph.ts";
import { connectSystemd, type Systemd } from "../../src/systemd/systemd.ts";
import { type FakeSystemd, startFakeSystemd } from "../support/systemd.ts";

let fake: FakeSystemd;
let systemd: Systemd;

beforeEach(async () => {
  fake = await startFakeSystemd();
  systemd = await connectSystemd({ address: fake.address, privateSocket: "/nonexistent" });
});

afterEach(async () => {
  systemd.close();
  await fake.stop();
});

function unit(name: string, after: string[], more: Record<string, [string, unknown]> = {}): void {
  const defaults = { Id: name, LoadState: "loaded", ActiveState: "active" };
  const texts = Object.entries(defaults).map(([key, value]) => [key, ["s", value]] as const);
  fake.manager.units.set(name, {
    ...Object.fromEntries(texts.map(([key, value]) => [key, [...value] as [string, unknown]])),
    After: ["as", after],
    DefaultDependencies: ["b", true],
    ...more,
  });
}

test("readOrder() asks once for the names and once for each unit, 32 at a time", async () => {
  for (let at = 0; at < 100; at += 1) unit(`u${at}.service`, at === 0 ? [] : [`u${at - 1}.service`]);
  fake.manager.delayMs = 2;
  const { after } = await readOrder(systemd, []);
  expect(after.size).toBe(100);
  expect(after.get("u7.service")).toEqual(["u6.service"]);
  expect(fake.manager.calls).toHaveLength(101);
  expect(fake.manager.mostInFlight).toBe(32);
});

test("readOrder() knows aliases, and which targets start after what they want", async () => {
  unit("dbus.service", ["basic.target"]);
  unit("alias.service", ["basic.target"], { Id: ["s", "dbus.service"] });
  unit("basic.target", []);
  unit("bare.target", [], { DefaultDependencies: ["b", false] });
  const order = await readOrder(systemd, ["alias.service", "basic.target", "bare.target"]);
  expect(order.ids).toEqual(
    new Map([
      ["alias.service", "dbus.service"],
      ["basic.target", "basic.target"],
      ["bare.target", "bare.target"],
    ]),
  );
  expect([...order.orderedTargets]).toEqual(["basic.target"]);
});

test("readDetails() gives what a unit pulls in and when it started", async () => {
  unit("a.service", [], {
    Requires: ["as", ["b.service"]],
    BindsTo: ["as", ["c.device"]],
    Wants: ["as", []],
    PartOf: ["as", []],
    InactiveExitTimestampMonotonic: ["t", 5n],
    ActiveEnterTimestampMonotonic: ["t", 9n],
  });
  expect(await readDetails(systemd, ["a.service"])).toEqual([
    {
      name: "a.service",
      activeState: "active",
      requires: ["b.service", "c.device"],
      wants: [],
      partOf: [],
      begun: 5,
      active: 9,
    },
  ]);
});
