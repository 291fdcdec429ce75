import { expect, test } from "vitest";
import { drawView } from "../../../src/output/draw-view.ts";
import { type Block, fields, line, table, type View, verbatim } from "../../../src/view.ts";

const plain = { color: false, now: Date.parse("2026-01-02T00:00:00Z") };

function draw(view: View, more: { width?: number; color?: boolean } = {}): string[] {
  const text = drawView(view, { ...plain, ...more });
  return text === "" ? [] : text.slice(0, -1).split("\n");
}

const images = table(
  [
    { title: "NAME", elastic: true },
    { title: "DIGEST" },
    { title: "CREATED" },
    { title: "SIZE", align: "right" },
  ],
  [
    [
      "docker.io/library/busybox:latest",
      { digest: `sha256:${"a".repeat(64)}` },
      { since: "2026-01-01T00:00:00Z" },
      { bytes: 4_300_000 },
    ],
    ["r/e:1", { digest: `sha256:${"b".repeat(64)}` }, { since: "2026-01-01T23:00:00Z" }, { bytes: 12 }],
  ],
);

test("drawView() sets columns under each other", () => {
  expect(draw([images])).toEqual([
    "NAME                              DIGEST               CREATED            SIZE",
    "docker.io/library/busybox:latest  sha256:aaaaaaaaaaaa  24 hours ago    4.30 MB",
    "r/e:1                             sha256:bbbbbbbbbbbb  60 minutes ago     12 B",
  ]);
});

test("drawView() leaves out the titles where they are not wanted", () => {
  const columns = [{ title: "LONG TITLE" }, { title: "X" }];
  const block = (rows: string[][]): Block => ({ type: "table", columns, rows, heading: false });
  expect(draw([block([["a", "b"]])])).toEqual(["a  b"]);
  expect(draw([block([])])).toEqual([]);
});

test("drawView() cuts elastic columns to the width of a terminal", () => {
  const lines = draw([images], { width: 65 });
  expect(lines.every((text) => [...text].length <= 65)).toBe(true);
  expect(lines[1]).toMatch(/^docker\.io\/library\/… {2}sha256:a{12} {2}/);
});

test("drawView() keeps enough of a column to be recognized, however narrow the terminal", () => {
  expect(draw([images], { width: 10 })[1]).toMatch(/^docker\.io\/l… {2}/);
});

test("drawView() writes colours that do not count as width", () => {
  const view = [table([{ title: "A" }, { title: "B" }], [[{ text: "up", tone: "good" }, "x"]])];
  expect(draw(view, { color: true })).toEqual(["\x1b[1mA\x1b[0m   \x1b[1mB\x1b[0m", "\x1b[32mup\x1b[0m  x"]);
});

test("drawView() sets values of fields under each other and leaves out what is undefined", () => {
  const view = [
    fields([
      ["Name", "etcd"],
      ["Digest", undefined],
      ["Ports", ["2379", "2380"]],
      ["Empty", []],
    ]),
  ];
  expect(draw(view)).toEqual(["Name:  etcd", "Ports: 2379", "       2380"]);
});

test("drawView() indents what stands verbatim below a heading", () => {
  expect(draw([verbatim(["a", "\tb"], "etcd.service"), verbatim(["c"])])).toEqual([
    "etcd.service",
    "  a",
    "  \tb",
    "c",
  ]);
});

test("drawView() of nothing is nothing", () => {
  expect(draw([])).toEqual([]);
  expect(draw([fields([])])).toEqual([]);
});

test("drawView() escapes every string of every block", () => {
  const evil = "a\x1b[2Jb\nc\u202e";
  const view: View = [
    line(evil, { text: evil, tone: "bad" }, { since: evil }, { digest: evil }),
    fields([[evil, evil]]),
    table([{ title: evil }], [[evil]]),
    verbatim([evil], evil),
  ];
  const text = drawView(view, plain);
  expect(text).not.toMatch(/[^\P{C}\n]/u);
  expect(text.split("\n")).toHaveLength(7); // line, field, heading and row, heading and line, and the end
});
