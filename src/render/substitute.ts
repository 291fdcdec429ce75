/**
 * `$NAME` templates, as images in the /exports format bring them: the language of Python's string.Template. Inert text: no code
 * of an image runs, and nothing is escaped, since images count on values that are pieces of JSON.
 */
import { Failure } from "../errors.ts";

/** What a template may name; a number is written as its digits. */
export type TemplateValues = Readonly<Record<string, string | number>>;

/** More than any file of an image is rendered to: a value of a megabyte can be named a million times. */
const LIMIT = 16 * 1024 * 1024;

/** `$$`, `$NAME`, `${NAME}`, or a `$` that begins none of them. */
const PLACEHOLDER = /\$(?:(\$)|([_a-zA-Z][_a-zA-Z0-9]*)|\{([_a-zA-Z][_a-zA-Z0-9]*)\}|)/g;

/**
 * `text` with every `$NAME` and `${NAME}` replaced by its value and `$$` by `$`. What a value holds is not looked at again.
 * `file` names the template in errors.
 * @throws Failure VALUE_MISSING for a name without a value, TEMPLATE_INVALID for a `$` that begins no name, or a text that grows too long.
 */
export function substitute(text: string, values: TemplateValues, { file }: { file: string }): string {
  let length = text.length;
  return text.replaceAll(PLACEHOLDER, (_, escaped?: string, named?: string, braced?: string, at = 0) => {
    if (escaped !== undefined) return "$";
    const name = named ?? braced;
    if (name === undefined) throw invalidPlaceholder(text, { at, file });
    const value = lookUp(values, name);
    if (value === undefined) throw missingValue(text, values, { name, file });
    const put = String(value);
    length += put.length;
    if (length > LIMIT)
      throw new Failure(
        "TEMPLATE_INVALID",
        `${file} is longer than ${LIMIT} characters with its values put in`,
      );
    return put;
  });
}

/** As substitute() for text of any encoding: bytes outside of placeholders stay as they are, values are written as UTF-8. */
export function substituteBytes(
  bytes: Uint8Array,
  values: TemplateValues,
  { file }: { file: string },
): Buffer {
  const encoded = Object.entries(values).map(([name, value]) => [
    name,
    Buffer.from(String(value)).toString("latin1"),
  ]);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return Buffer.from(substitute(text, Object.fromEntries(encoded), { file }), "latin1");
}

/** The names that a template uses, each once, in the order of their first use. A `$` that begins none is passed over. */
export function variablesIn(text: string): string[] {
  const names = [...text.matchAll(PLACEHOLDER)].map(([, , named, braced]) => named ?? braced);
  return [...new Set(names.filter((name) => name !== undefined))];
}

function lookUp(values: TemplateValues, name: string): string | number | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function missingValue(
  text: string,
  values: TemplateValues,
  { name, file }: { name: string; file: string },
): Failure {
  const missing = variablesIn(text).filter((each) => lookUp(values, each) === undefined);
  return new Failure(
    "VALUE_MISSING",
    `The template file '${file}' still contains an unreplaced value for: ''${name}''`,
    { hint: `give ${missing.map((each) => `--set ${each}=VALUE`).join(" ")}` },
  );
}

function invalidPlaceholder(text: string, { at, file }: { at: number; file: string }): Failure {
  const lines = text.slice(0, at).split(/\r\n|\n|\r/);
  const column = (lines.at(-1) ?? "").length + 1;
  return new Failure(
    "TEMPLATE_INVALID",
    `Invalid placeholder in string: line ${lines.length}, col ${column} of ${file}`,
    { hint: "a plain dollar sign is written $$ in a template" },
  );
}
