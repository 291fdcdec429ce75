import type { Block, Column, Field, Text, Tone, View } from "../view.ts";
import { escapeLine, escapeText } from "./escape.ts";
import { formatBytes, formatDigest, formatSince } from "./format.ts";

export interface DrawOptions {
  /** Columns of the terminal; undefined: nothing is cut. */
  width?: number | undefined;
  color: boolean;
  /** The present in milliseconds. */
  now: number;
}

/** A piece of text as it will stand there: escaped, its colour apart from its width. */
interface Piece {
  text: string;
  tone: Tone | undefined;
}

const ELLIPSIS = "…";
/** An elastic column keeps at least so much. */
const NARROWEST = 12;

const SGR: Record<Tone, string> = { good: "32", bad: "31", warn: "33", dim: "2", strong: "1" };

/** A view as text: lines that end in newlines, every string of it escaped. Pure. */
export function drawView(view: View, options: DrawOptions): string {
  return view
    .map((block) =>
      block.type === "exact" && options.width === undefined
        ? block.text
        : drawBlock(block, options)
            .map((line) => `${line}\n`)
            .join(""),
    )
    .join("");
}

function drawBlock(block: Block, options: DrawOptions): string[] {
  switch (block.type) {
    case "line":
      return [block.text.map((text) => paint(pieceOf(text, options), options)).join("")];
    case "fields":
      return drawFields(block.fields, options);
    case "table":
      return drawTable(block, options);
    case "exact":
      return block.text.replace(/\n$/, "").split("\n").map(escapeLine);
    case "verbatim":
      return block.heading === undefined
        ? block.lines.map(escapeLine)
        : [escapeText(block.heading), ...block.lines.map((line) => `  ${escapeLine(line)}`)];
  }
}

function drawFields(fields: readonly Field[], options: DrawOptions): string[] {
  const labels = fields.map(([label]) => `${escapeText(label)}:`);
  const width = Math.max(...labels.map(widthOf)) + 1;
  return fields.flatMap(([, value], at) => {
    const values = Array.isArray(value) ? (value as readonly Text[]) : [value as Text];
    return values.map((text, index) => {
      const head = (index === 0 ? (labels[at] ?? "") : "").padEnd(width);
      return head + paint(pieceOf(text, options), options);
    });
  });
}

function drawTable(
  { columns, rows, heading: isHeaded }: Extract<Block, { type: "table" }>,
  options: DrawOptions,
): string[] {
  const heading = columns.map((column): Piece => ({ text: escapeText(column.title), tone: "strong" }));
  const lines = [
    ...(isHeaded === false ? [] : [heading]),
    ...rows.map((row) => row.map((text) => pieceOf(text, options))),
  ];
  const natural = columns.map((_, index) =>
    Math.max(0, ...lines.map((line) => widthOf(line[index]?.text ?? ""))),
  );
  const widths = fitWidths(natural, columns, options.width);
  return lines.map((line) => drawRow(line, { columns, widths, options }));
}

function drawRow(
  line: readonly Piece[],
  {
    columns,
    widths,
    options,
  }: { columns: readonly Column[]; widths: readonly number[]; options: DrawOptions },
): string {
  const cells = columns.map((column, index) => {
    const width = widths[index] ?? 0;
    const { text, tone } = line[index] ?? { text: "", tone: undefined };
    const shown = cut(text, width);
    const space = " ".repeat(width - widthOf(shown));
    const painted = paint({ text: shown, tone }, options);
    if (column.align === "right") return space + painted;
    return index === columns.length - 1 ? painted : painted + space;
  });
  return cells.join("  ").trimEnd();
}

/** Widths that together fit `available`, taken from the widest elastic columns first. */
function fitWidths(
  natural: readonly number[],
  columns: readonly Column[],
  available: number | undefined,
): number[] {
  const widths = [...natural];
  const total = (): number => widths.reduce((sum, width) => sum + width, 2 * (widths.length - 1));
  while (available !== undefined && total() > available) {
    const elastic = widths.map((width, index) => (columns[index]?.elastic === true ? width : 0));
    const widest = Math.max(...elastic);
    if (widest <= NARROWEST) break;
    widths[elastic.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function cut(text: string, width: number): string {
  return widthOf(text) <= width ? text : [...text].slice(0, width - 1).join("") + ELLIPSIS;
}

function pieceOf(text: Text, { now }: DrawOptions): Piece {
  if (typeof text === "string") return { text: escapeText(text), tone: undefined };
  if ("text" in text) return { text: escapeText(text.text), tone: text.tone };
  if ("bytes" in text) return { text: formatBytes(text.bytes), tone: undefined };
  if ("since" in text) return { text: escapeText(formatSince(text.since, now)), tone: undefined };
  return { text: escapeText(formatDigest(text.digest)), tone: undefined };
}

function paint({ text, tone }: Piece, { color }: DrawOptions): string {
  return color && tone !== undefined && text !== "" ? `\x1b[${SGR[tone]}m${text}\x1b[0m` : text;
}

/** In code points: names and references are ASCII, and a wide character only shifts a column. */
function widthOf(text: string): number {
  return [...text].length;
}
