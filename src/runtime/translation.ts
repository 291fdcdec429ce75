/**
 * Putting a runtime configuration into directives of a unit: the pieces that say each part of it. A configuration may come
 * from an image, so every value is checked before it becomes text of a unit.
 */
import { Failure } from "../errors.ts";
import type { Directive } from "./runtime.ts";

/** What a part of a configuration becomes. */
export interface Translation {
  directives: Directive[];
  /** What has no directive, in words of the configuration. */
  unsupported: string[];
}

export function translation(): Translation {
  return { directives: [], unsupported: [] };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object `value`, empty where there is none. CONFIG_INVALID naming `what`. */
export function recordAt(value: unknown, what: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (isRecord(value)) return value;
  throw invalid(what, "an object");
}

/** The list `value`, empty where there is none. CONFIG_INVALID. */
export function listAt(value: unknown, what: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as unknown[];
  throw invalid(what, "a list");
}

/** A whole number; undefined where there is none. CONFIG_INVALID. */
export function integerAt(value: unknown, what: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw invalid(what, "a whole number");
}

/** A text that matches `pattern`; undefined where there is none or it is empty. CONFIG_INVALID. */
export function wordAt(
  value: unknown,
  { what, pattern = /^[\w.:@,/+-]+$/ }: { what: string; pattern?: RegExp },
): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string" && pattern.test(value)) return value;
  throw invalid(what, "a plain word");
}

/** Names such as CAP_CHOWN. CONFIG_INVALID. */
export function wordsAt(value: unknown, { what, pattern }: { what: string; pattern: RegExp }): string[] {
  return listAt(value, what).map((item) => {
    const word = wordAt(item, { what, pattern });
    if (word === undefined) throw invalid(what, "a list of names");
    return word;
  });
}

/** Keys of `value` that `known` does not have, as `what.key`; those that are null or empty ask for nothing. */
export function unknownKeys(
  value: Record<string, unknown>,
  { what, known }: { what: string; known: readonly string[] },
): string[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key) && !isEmpty(value[key]))
    .map((key) => `${what}.${key}`);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return true;
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0;
}

function invalid(what: string, expected: string): Failure {
  return new Failure("CONFIG_INVALID", `the runtime configuration is not usable: ${what} is not ${expected}`);
}
