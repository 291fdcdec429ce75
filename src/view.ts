/**
 * What people see of a result: plain data, as events are. A command's `view` makes it from the command's result; only
 * output/ draws it, and escapes every string on the way (they may come from an image or a server). Never used for `--json`.
 */

/** The name berth was called by: as `atomic`, words and defaults are Atomic's where the two differ. */
export type Personality = "berth" | "atomic";

/** How a piece of text stands out on a terminal; the words alone must say enough. */
export type Tone = "good" | "bad" | "warn" | "dim" | "strong";

/** A piece of text, or a value that output/ writes the same way everywhere. */
export type Text =
  | string
  | { text: string; tone: Tone }
  /** `12.3 MB` */
  | { bytes: number }
  /** An ISO time, as `2 hours ago`. */
  | { since: string }
  /** A digest, cut to what people compare. */
  | { digest: string };

export interface Column {
  /** The heading, in capitals. */
  title: string;
  /** Numbers and sizes stand to the right. */
  align?: "left" | "right";
  /** May be cut to fit a terminal's width; the widest such column is cut first. */
  elastic?: boolean;
}

export type Block =
  /** One line: its pieces one after the other. */
  | { type: "line"; text: readonly Text[] }
  /** `label: value` with the values under each other; an array gives one line an element. */
  | { type: "fields"; fields: readonly Field[] }
  | { type: "table"; columns: readonly Column[]; rows: readonly (readonly Text[])[]; heading?: false }
  /** The text of a file or a log, as it is; indented below a heading. */
  | { type: "verbatim"; lines: readonly string[]; heading: string | undefined }
  /** A document byte for byte, without a newline of ours; on a terminal its lines, escaped. */
  | { type: "exact"; text: string };

export type Field = readonly [label: string, value: Text | readonly Text[]];

/** Blocks in order; an empty view prints nothing. */
export type View = readonly Block[];

export function line(...text: readonly Text[]): Block {
  return { type: "line", text };
}

/** Fields without those whose value is undefined or empty. */
export function fields(
  entries: readonly (readonly [label: string, value: Text | readonly Text[] | undefined])[],
): Block {
  const isThere = (entry: (typeof entries)[number]): entry is Field =>
    entry[1] !== undefined && entry[1] !== "" && !(Array.isArray(entry[1]) && entry[1].length === 0);
  return { type: "fields", fields: entries.filter(isThere) };
}

export function table(columns: readonly Column[], rows: readonly (readonly Text[])[]): Block {
  return { type: "table", columns, rows };
}

export function verbatim(lines: readonly string[], heading?: string): Block {
  return { type: "verbatim", lines, heading };
}

export function exact(text: string): Block {
  return { type: "exact", text };
}
