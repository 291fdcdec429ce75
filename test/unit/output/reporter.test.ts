import { expect, test } from "vitest";
import type { Event } from "../../../src/events.ts";
import { drawProgress, emptyProgress, follow } from "../../../src/output/draw-progress.ts";
import {
  jsonReporter,
  plainReporter,
  silentReporter,
  terminalReporter,
} from "../../../src/output/reporter.ts";
import { collectingSink } from "../../support/cli.ts";

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const events: Event[] = [
  { type: "resolved", reference: "example.com/etcd:3.5", digest: digest("f") },
  { type: "step", step: "pull", name: "example.com/etcd:3.5" },
  { type: "layer", digest: digest("a"), size: 1000, received: 0, state: "present" },
  { type: "layer", digest: digest("b"), size: 2000, received: 500, state: "receiving" },
  { type: "layer", digest: digest("b"), size: 2000, received: 501, state: "receiving" },
];

test("drawProgress() shows the step, a bar for each layer under way, and their number", () => {
  const progress = emptyProgress();
  for (const event of events) follow(progress, event);
  expect(drawProgress(progress, 100)).toEqual([
    "pull example.com/etcd:3.5",
    "  sha256:bbbbbbbbbbbb [======                  ] 501 B of 2.00 kB",
    "  1 of 2 layers, 1 already there",
  ]);
});

test("drawProgress() shows a wait until the next step, and no layers after the pull", () => {
  const progress = emptyProgress();
  for (const event of events) follow(progress, event);
  follow(progress, { type: "waiting", lock: "the container etcd", holder: "berth update (pid 7)" });
  expect(drawProgress(progress, 100).at(-1)).toBe(
    "waiting for the container etcd, held by berth update (pid 7)",
  );
  follow(progress, { type: "step", step: "start", name: "etcd.service" });
  expect(drawProgress(progress, 100)).toEqual(["start etcd.service"]);
});

test("drawProgress() escapes and keeps to the width", () => {
  const progress = emptyProgress();
  follow(progress, { type: "step", step: "pull", name: "\x1b[2Jxxxxxxxx" });
  expect(drawProgress(progress, 12)).toEqual(["pull \\x1b[2J"]);
});

test("drawProgress() of an empty layer is a full bar", () => {
  const progress = emptyProgress();
  follow(progress, { type: "layer", digest: digest("e"), size: 0, received: 0, state: "receiving" });
  expect(drawProgress(progress, 100)[0]).toContain(`[${"=".repeat(24)}] 0 B of 0 B`);
});

test("jsonReporter() writes an event a line, and not every step of a layer", () => {
  const sink = collectingSink({ columns: 60 });
  const { report } = jsonReporter(sink);
  for (const event of events) report(event);
  const lines = sink.text().trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual(events.slice(0, 4));
});

test("terminalReporter() draws in place, keeps warnings, and leaves nothing else", () => {
  const sink = collectingSink({ columns: 60 });
  const { report, clear } = terminalReporter(sink);
  for (const event of events) report(event);
  report({ type: "warning", message: "a \x1b[2J warning" });
  clear();
  clear();
  expect(showOnScreen(sink.text())).toEqual(["berth: warning: a \\x1b[2J warning", ""]);
});

test("terminalReporter() takes nothing off the screen that came after a handover", () => {
  const sink = collectingSink({ columns: 60 });
  const { report, clear } = terminalReporter(sink);
  for (const event of events) report(event);
  report({ type: "handover" });
  sink.write("of another program\n");
  clear();
  expect(showOnScreen(sink.text())).toEqual(["of another program", ""]);
});

test("plainReporter() tells warnings and waits only", () => {
  const sink = collectingSink({ columns: 60 });
  const { report } = plainReporter(sink, { json: false });
  for (const event of events) report(event);
  report({ type: "waiting", lock: "the store", holder: undefined });
  report({ type: "warning", message: "a\nb" });
  expect(sink.text()).toBe("berth: waiting for the store\nberth: warning: a\\nb\n");
});

test("plainReporter() with JSON tells warnings as JSON", () => {
  const sink = collectingSink({ columns: 60 });
  const { report } = plainReporter(sink, { json: true });
  report({ type: "waiting", lock: "the store", holder: undefined });
  report({ type: "warning", message: "a\nb" });
  expect(sink.text()).toBe('{"warning":{"message":"a\\nb"}}\n');
});

test("silentReporter() tells nothing", () => {
  expect(() => silentReporter().report({ type: "warning", message: "x" })).not.toThrow();
});

/** What a terminal shows that knows "up n lines and clear from there". */
function showOnScreen(text: string): string[] {
  const [start = "", ...moves] = text.split("\x1b[");
  const lines = start.split("\n");
  for (const move of moves) {
    const up = /^(\d+)A$/.exec(move)?.[1];
    if (up !== undefined) lines.splice(lines.length - 1 - Number(up), Number(up) + 1, "");
    else lines.splice(-1, 1, ...move.replace(/^J/, "").split("\n"));
  }
  return lines;
}
