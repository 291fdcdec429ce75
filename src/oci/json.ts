import { type Code, Failure } from "../errors.ts";
import { printable } from "./printable.ts";

const MAX_DEPTH = 64;

/**
 * Strict JSON: valid UTF-8, no duplicate keys, at most 64 levels deep. Two readers that differ on a duplicate key see two
 * documents under one digest, so such a document is refused. Errors are Failures of `code` (default MANIFEST_INVALID).
 */
export function parseJson(
  source: Uint8Array | string,
  what: string,
  { code = "MANIFEST_INVALID" }: { code?: Code } = {},
): unknown {
  const text = typeof source === "string" ? source : decode(source, what, code);
  const duplicate = scan(text, what, code);
  const value = parse(text, what, code);
  if (duplicate !== undefined)
    throw new Failure(code, `${what}: duplicate key "${printable(duplicate, 80)}"`);
  return value;
}

/** `value` as a JSON object; MANIFEST_INVALID or `code` naming `what`. */
export function asObject(
  value: unknown,
  what: string,
  code: Code = "MANIFEST_INVALID",
): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Failure(code, `${what}: expected an object, got ${kindOf(value)}`);
}

/** `value` as an array; absent and null are empty, as Go writes them. */
export function asArray(value: unknown, what: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as unknown[];
  throw new Failure("MANIFEST_INVALID", `${what}: expected an array, got ${kindOf(value)}`);
}

export function asStrings(value: unknown, what: string): string[] {
  return asArray(value, what).map((item, at) => asString(item, `${what}[${at}]`));
}

export function asString(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw new Failure("MANIFEST_INVALID", `${what}: expected a string, got ${kindOf(value)}`);
}

/** A string, or undefined where it is absent, null or empty, as Go's omitempty means it. */
export function asOptionalString(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  return asString(value, what);
}

/** A map of strings, without a prototype; absent and null are empty. */
export function asStringMap(value: unknown, what: string): Record<string, string> {
  const map: Record<string, string> = Object.create(null) as Record<string, string>;
  if (value === undefined || value === null) return map;
  for (const [key, item] of Object.entries(asObject(value, what)))
    map[key] = asString(item, `${what}["${printable(key, 80)}"]`);
  return map;
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

function decode(bytes: Uint8Array, what: string, code: Code): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Failure(code, `${what}: not UTF-8 text`, { cause: error });
  }
}

function parse(text: string, what: string, code: Code): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = printable(error instanceof Error ? error.message : String(error));
    throw new Failure(code, `${what}: not JSON (${reason})`);
  }
}

/**
 * One pass before JSON.parse, which recurses: throws when nested too deep, returns the first duplicate key. Of text that is not
 * JSON it says nothing.
 */
function scan(text: string, what: string, code: Code): string | undefined {
  const objects: Set<string>[] = [];
  let duplicate: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{" || character === "[") {
      if (objects.push(new Set()) > MAX_DEPTH)
        throw new Failure(code, `${what}: JSON nested deeper than ${MAX_DEPTH} levels`);
    } else if (character === "}" || character === "]") objects.pop();
    else if (character === '"') {
      const end = endOfString(text, at);
      if (isKey(text, end)) {
        const key = keyText(text.slice(at, end));
        const keys = objects.at(-1);
        if (keys?.has(key)) duplicate ??= key;
        keys?.add(key);
      }
      at = end - 1;
    }
  }
  return duplicate;
}

/** The index after the closing quote of the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return Math.min(at + 1, text.length);
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (" \t\r\n".includes(text[at] ?? "x")) at++;
  return text[at] === ":";
}

function keyText(quoted: string): string {
  if (!quoted.includes("\\")) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted; // JSON.parse of the whole text will say why
  }
}
