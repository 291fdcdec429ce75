/**
 * A unit file as data: sections of `key=value` lines in order, as systemd.syntax(7) and config_parse() read them. A value is
 * text as it stands after the `=`, already quoted (quote.ts); comments are not kept.
 */
import { Failure } from "../errors.ts";
import { endsInContinuation, isRepresentable } from "./quote.ts";

interface Entry {
  key: string;
  value: string;
}

interface Section {
  name: string;
  entries: Entry[];
}

export interface UnitFile {
  sections: Section[];
  /** Lines that systemd ignores with a warning, as `line N: reason`; only parseUnit sets it. */
  ignored?: string[];
}

/** systemd reads no longer lines (LONG_LINE_MAX). */
const LINE_LIMIT = 1024 * 1024;

/** Reads a unit file as systemd does: what it ignores is ignored here too, and told in `ignored`. */
export function parseUnit(text: string): UnitFile {
  const sections: Section[] = [];
  const ignored: string[] = [];
  for (const { line, number } of logicalLines(text)) {
    const ignore = (reason: string): void => void ignored.push(`line ${number}: ${reason}`);
    if (line.startsWith("[")) {
      if (line.endsWith("]")) sections.push({ name: line.slice(1, -1), entries: [] });
      else ignore("a section header does not end in ]");
      continue;
    }
    const equals = line.indexOf("=");
    if (equals < 1) ignore(equals < 0 ? "there is no =" : "there is no key before =");
    else if (!isRepresentable(line)) ignore("it is not UTF-8 to systemd");
    else {
      const entry = { key: trim(line.slice(0, equals)), value: trim(line.slice(equals + 1)) };
      const section = sections.at(-1);
      if (section === undefined) ignore("an assignment stands before the first section");
      else section.entries.push(entry);
    }
  }
  return { sections, ignored };
}

// Lines end in LF, CR or NUL; a comment inside a continued line is skipped; the backslash becomes a space.
function* logicalLines(text: string): Generator<{ line: string; number: number }> {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n\r|[\n\r\0]/);
  let pending: { line: string; number: number } | undefined;
  for (const [index, raw] of lines.entries()) {
    if (/^[ \t]*[#;]/.test(raw)) continue;
    const start: { line: string; number: number } = pending ?? { line: "", number: index + 1 };
    const whole = start.line + raw;
    if (endsInContinuation(whole)) {
      pending = { line: `${whole.slice(0, -1)} `, number: start.number };
      continue;
    }
    pending = undefined;
    const line = trim(whole);
    if (line !== "") yield { line, number: start.number };
  }
  const last = trim(pending?.line ?? "");
  if (pending !== undefined && last !== "") yield { line: last, number: pending.number };
}

function trim(text: string): string {
  return text.replace(/^[ \t\n\r]+|[ \t\n\r]+$/g, "");
}

/** The text of a unit file. UNIT_INVALID for anything that would be read back as something else. */
export function formatUnit(unit: UnitFile): string {
  return unit.sections
    .map(({ name, entries }) => `[${checked(name, isSectionName)}]\n${entries.map(formatEntry).join("")}`)
    .join("\n");
}

function formatEntry({ key, value }: Entry): string {
  const line = `${checked(key, isKey)}=${checked(value, isValue)}`;
  if (Buffer.byteLength(line) >= LINE_LIMIT) {
    throw new Failure("UNIT_INVALID", `${key}= is longer than the megabyte that systemd reads`);
  }
  return `${line}\n`;
}

function checked(text: string, isLegal: (text: string) => boolean): string {
  if (isLegal(text)) return text;
  const shown = text.length > 100 ? `${text.slice(0, 100)}...` : text;
  throw new Failure("UNIT_INVALID", `${JSON.stringify(shown)} cannot stand in a unit file`);
}

function isSectionName(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9-]*$/.test(text);
}

function isKey(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_.-]*$/.test(text);
}

function isValue(text: string): boolean {
  return !/[\n\r]/.test(text) && isRepresentable(text) && trim(text) === text && !endsInContinuation(text);
}

/** The value of a directive that has one: the last one given; undefined when there is none. */
export function getValue(unit: UnitFile, { section, key }: Directive): string | undefined {
  return assignments(unit, { section, key }).at(-1);
}

/** The values of a directive that may be given many times; an empty assignment drops those before it. */
export function getAllValues(unit: UnitFile, { section, key }: Directive): string[] {
  const all = assignments(unit, { section, key });
  return all.slice(all.lastIndexOf("") + 1);
}

/** The unit with exactly this value of the directive, at the place of its first one. */
export function setValue(unit: UnitFile, { section, key, value }: Directive & { value: string }): UnitFile {
  const first = unit.sections.find(
    ({ name, entries }) => name === section && entries.some((e) => e.key === key),
  );
  if (first === undefined) return appendValue(unit, { section, key, value });
  const at = first.entries.findIndex((entry) => entry.key === key);
  return {
    sections: unit.sections.map((each) => {
      if (each.name !== section) return each;
      const entries = each.entries.flatMap((entry, index) => {
        if (entry.key !== key) return [entry];
        return each === first && index === at ? [{ key, value }] : [];
      });
      return { name: section, entries };
    }),
  };
}

/** The unit with one more value of the directive, at the end of its section, which is made when there is none. */
export function appendValue(
  unit: UnitFile,
  { section, key, value }: Directive & { value: string },
): UnitFile {
  const last = unit.sections.findLast(({ name }) => name === section);
  if (last === undefined)
    return { sections: [...unit.sections, { name: section, entries: [{ key, value }] }] };
  return {
    sections: unit.sections.map((each) =>
      each === last ? { name: section, entries: [...each.entries, { key, value }] } : each,
    ),
  };
}

export interface Directive {
  section: string;
  key: string;
}

function assignments(unit: UnitFile, { section, key }: Directive): string[] {
  return unit.sections
    .filter(({ name }) => name === section)
    .flatMap(({ entries }) => entries.filter((entry) => entry.key === key).map(({ value }) => value));
}
