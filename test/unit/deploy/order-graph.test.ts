import { describe, expect, test } from "vitest";
import {
  findCycle,
  type OrderGraph,
  orderOf,
  sortByOrder,
  type UnitOrder,
  withOrder,
} from "../../../src/deploy/order-graph.ts";
import { parseUnit } from "../../../src/unit/unit-file.ts";

/** A host as Debian boots it, with three containers: agent after etcd, docker after agent. */
const HOST = graph({
  "sysinit.target": ["local-fs.target"],
  "basic.target": ["sysinit.target"],
  "etcd.service": ["basic.target", "sysinit.target"],
  "agent.service": ["basic.target", "sysinit.target", "etcd.service"],
  "docker.service": ["basic.target", "sysinit.target", "agent.service"],
  "web.service": ["basic.target", "sysinit.target"],
  "multi-user.target": ["basic.target", "etcd.service", "agent.service", "docker.service", "web.service"],
  "shutdown.target": ["etcd.service", "agent.service", "docker.service", "web.service"],
});
const orderedTargets = new Set(["multi-user.target", "sysinit.target", "basic.target"]);

function graph(after: Record<string, string[]>): OrderGraph {
  return new Map(Object.entries(after).map(([name, others]) => [name, new Set(others)]));
}

function order(more: Partial<UnitOrder>): UnitOrder {
  return {
    unit: "new.service",
    after: [],
    before: [],
    wantedBy: ["multi-user.target"],
    defaultDependencies: true,
    ...more,
  };
}

describe("findCycle() after withOrder()", () => {
  test.each<[string, Partial<UnitOrder>, string[] | undefined]>([
    ["no order at all", {}, undefined],
    [
      "after one and before another that follows it",
      { after: ["etcd.service"], before: ["docker.service"] },
      undefined,
    ],
    [
      "after the last and before the first of a chain",
      { after: ["docker.service"], before: ["etcd.service"] },
      ["new.service", "docker.service", "agent.service", "etcd.service", "new.service"],
    ],
    [
      "after and before the same unit",
      { after: ["web.service"], before: ["web.service"] },
      ["new.service", "web.service", "new.service"],
    ],
    [
      "before what every service starts after",
      { before: ["local-fs.target"] },
      ["new.service", "sysinit.target", "local-fs.target", "new.service"],
    ],
    [
      "the same without the default dependencies",
      { before: ["local-fs.target"], defaultDependencies: false },
      undefined,
    ],
    ["after the target that wants it, which then does not wait", { after: ["multi-user.target"] }, undefined],
    [
      "after the target that wants it, and before one that this waits for",
      { after: ["multi-user.target"], before: ["web.service"] },
      ["new.service", "multi-user.target", "web.service", "new.service"],
    ],
    [
      "wanted by a target that comes before",
      { wantedBy: ["sysinit.target"] },
      ["new.service", "sysinit.target", "new.service"],
    ],
    [
      "wanted by a service, which is no order",
      { wantedBy: ["docker.service"], after: ["docker.service"] },
      undefined,
    ],
    ["before a unit that is not there", { before: ["later.service"] }, undefined],
    ["itself, which systemd ignores", { after: ["new.service"] }, undefined],
  ])("%s", (_, asked, expected) => {
    const { unit } = order(asked);
    expect(findCycle(withOrder(HOST, order(asked), { orderedTargets }), unit)).toEqual(expected);
  });

  test("a circle through a unit that named this one before it was there is found", () => {
    const waiting = graph({ "other.service": ["new.service"] });
    const asked = order({ after: ["other.service"] });
    expect(findCycle(withOrder(waiting, asked, { orderedTargets }), "new.service")).toEqual([
      "new.service",
      "other.service",
      "new.service",
    ]);
  });

  test("a circle of others is not this unit's", () => {
    const broken = graph({ "a.service": ["b.service"], "b.service": ["a.service"] });
    const asked = order({ after: ["a.service"] });
    expect(findCycle(withOrder(broken, asked, { orderedTargets }), "new.service")).toBeUndefined();
  });

  test("what a unit asked for until now does not count", () => {
    const previous = order({ unit: "agent.service", after: ["etcd.service"], before: ["docker.service"] });
    const asked = order({ unit: "agent.service", after: ["docker.service"] });
    expect(findCycle(withOrder(HOST, asked, { orderedTargets, previous }), "agent.service")).toBeUndefined();
    expect(findCycle(withOrder(HOST, asked, { orderedTargets }), "agent.service")).not.toBeUndefined();
  });

  test("the given graph stays as it is", () => {
    const before = structuredClone(HOST);
    withOrder(HOST, order({ after: ["web.service"] }), { orderedTargets });
    expect(HOST).toEqual(before);
  });
});

test("orderOf() reads a unit with its drop-in as systemd does", () => {
  const unit =
    "[Unit]\nAfter=a.service b.service\n[Install]\nWantedBy=multi-user.target\nRequiredBy=docker.service\n";
  const dropIn = "[Unit]\nAfter=\nAfter=c.service\nBefore=d.service\nDefaultDependencies=no\n";
  expect(orderOf("x.service", [parseUnit(unit), parseUnit(dropIn)])).toEqual({
    unit: "x.service",
    after: ["c.service"],
    before: ["d.service"],
    wantedBy: ["multi-user.target", "docker.service"],
    defaultDependencies: false,
  });
});

describe("sortByOrder()", () => {
  test.each([
    [
      ["docker.service", "web.service", "etcd.service", "agent.service"],
      ["etcd.service", "agent.service", "docker.service", "web.service"],
    ],
    // Through a unit between them that is not asked for.
    [
      ["docker.service", "etcd.service"],
      ["etcd.service", "docker.service"],
    ],
    [
      ["web.service", "unknown.service"],
      ["web.service", "unknown.service"],
    ],
  ])("puts %j as %j", (names, sorted) => {
    expect(sortByOrder(HOST, names)).toEqual(sorted);
  });

  test("ends where there is a circle", () => {
    const circle = graph({ a: ["b"], b: ["a"] });
    expect(sortByOrder(circle, ["a", "b"]).sort()).toEqual(["a", "b"]);
  });
});
