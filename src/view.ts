/**
 * What people see of a result: plain data, as events are. A command's `view` makes it from the command's result; only
 * output/ draws it, and escapes every string on the way (they may come from an image or a server). Never used for `--json`.
 */

/** How a piece of text stands out on a terminal; the words alone must say enough. */
export type Tone = "good" | "bad" | "warn" | "dim" | "strong";

export type Text = string | { text: string; tone: Tone };

export interface Column {
  /** The heading, in capitals. */
  title: string;
  /** Numbers and sizes stand to the right. */
  align?: "left" | "right";
  /** May be cut to fit a terminal's width; the widest such column is cut first. */
  elastic?: boolean;
}

export type Block =
  /** One line. */
  | { type: "line"; text: Text | readonly Text[] }
  /** `label: value` lines with the values under each other; an array gives one line an element. */
  | { type: "fields"; fields: readonly (readonly [label: string, value: Text | readonly Text[]])[] }
  | { type: "table"; columns: readonly Column[]; rows: readonly (readonly Text[])[] }
  /** The text of a file or a log: lines as they are, indented where it stands below a heading. */
  | { type: "verbatim"; lines: readonly string[]; heading?: string };

/** Blocks in order; an empty view prints nothing. */
export type View = readonly Block[];

export function line(...text: Text[]): Block {
  return { type: "line", text };
}

/** Fields without those whose value is undefined or empty. */
export function fields(
  entries: readonly (readonly [label: string, value: Text | readonly Text[] | undefined])[],
): Block {
  return {
    type: "fields",
    fields: entries.filter(
      (entry): entry is readonly [string, Text | readonly Text[]] =>
        entry[1] !== undefined && entry[1] !== "" && !(Array.isArray(entry[1]) && entry[1].length === 0),
    ),
  };
}

export function table(columns: readonly Column[], rows: readonly (readonly Text[])[]): Block {
  return { type: "table", columns, rows };
}

export function verbatim(lines: readonly string[], heading?: string): Block {
  return heading === undefined ? { type: "verbatim", lines } : { type: "verbatim", lines, heading };
}
