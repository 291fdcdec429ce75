import { expect, test } from "vitest";
import { drawDot, drawTree } from "../../../src/deploy/draw-graph.ts";
import { drawTimeline } from "../../../src/deploy/draw-timeline.ts";
import { directlyAfter, relevantUnits, type StartGraph, waitedFor } from "../../../src/deploy/start-graph.ts";

const graph: StartGraph = {
  bootMicroseconds: 2_000_000,
  units: [
    { unit: "etcd.service", container: true, state: "active", after: [], begun: 100_000, active: 1_090_000 },
    {
      unit: "agent.service",
      container: true,
      state: "active",
      after: [{ unit: "etcd.service", strength: "wants" }],
      begun: 1_105_000,
      active: 1_148_000,
    },
    {
      unit: "docker.service",
      container: false,
      state: "failed",
      after: [{ unit: "agent.service", strength: "requires" }],
      begun: undefined,
      active: undefined,
    },
    {
      unit: "web.service",
      container: true,
      state: "active",
      after: [{ unit: "agent.service", strength: "after" }],
      begun: 1_165_000,
      active: 1_166_000,
    },
  ],
};

test("drawTree() shows each unit below what it starts after", () => {
  expect(drawTree(graph)).toEqual([
    "etcd (active)",
    "└─ agent (active) after etcd, which it wants",
    "   ├─ docker.service (failed) after agent, which it requires",
    "   └─ web (active) after agent",
  ]);
});

test("drawDot() quotes names and tells the strength", () => {
  expect(drawDot(graph).join("\n")).toBe(`digraph berth {
  rankdir=LR;
  node [shape=box, fontname="sans-serif"];
  "etcd.service" [label="etcd", style=bold];
  "agent.service" [label="agent", style=bold];
  "docker.service" [label="docker.service"];
  "web.service" [label="web", style=bold];
  "etcd.service" -> "agent.service" [label="wants", style=solid];
  "agent.service" -> "docker.service" [label="requires", style=bold];
  "agent.service" -> "web.service" [label="after", style=dotted];
}`);
});

test("drawTimeline() draws the golden picture", async () => {
  await expect(drawTimeline(graph)).toMatchFileSnapshot("pictures/timeline.svg");
});

const loaded = new Map(
  Object.entries({
    "basic.target": ["sysinit.target"],
    "etcd.service": ["basic.target", "systemd-journald.socket", "system.slice", "-.mount"],
    "agent.service": ["basic.target", "etcd.service"],
    "web.service": ["basic.target", "agent.service"],
    "docker.service": ["basic.target", "agent.service", "network-online.target"],
    "multi-user.target": ["etcd.service", "agent.service", "web.service"],
    "other.service": ["basic.target"],
  }).map(([name, after]) => [name, new Set(after)]),
);

test("relevantUnits() adds the neighbours that not every service has", () => {
  const containers = ["etcd.service", "agent.service", "web.service"];
  const neighbours = ["etcd.service", "agent.service", "web.service", "docker.service"];
  expect(relevantUnits(loaded, { wanted: ["etcd.service", "agent.service"], containers })).toEqual(
    neighbours,
  );
  expect(relevantUnits(loaded, { wanted: ["web.service"], containers }).sort()).toEqual([
    "agent.service",
    "etcd.service",
    "web.service",
  ]);
});

test("directlyAfter() leaves out what follows", () => {
  const units = ["etcd.service", "agent.service", "web.service"];
  expect(directlyAfter(loaded, ["basic.target", ...units])).toEqual(
    new Map([
      ["basic.target", []],
      ["etcd.service", ["basic.target"]],
      ["agent.service", ["etcd.service"]],
      ["web.service", ["agent.service"]],
    ]),
  );
});

test("waitedFor() follows the one that was up last, by the clock", () => {
  const times = new Map(
    Object.entries({
      "sysinit.target": { begun: 5, active: 5 },
      "basic.target": { begun: 6, active: 6 },
      "etcd.service": { begun: 7, active: 90 },
      "agent.service": { begun: 91, active: 95 },
    }),
  );
  expect(waitedFor(loaded, "agent.service", times)).toEqual([
    "etcd.service",
    "basic.target",
    "sysinit.target",
  ]);
});
