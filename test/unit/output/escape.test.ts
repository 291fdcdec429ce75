import { expect, test } from "vitest";
import { escapeJson, escapeLine, escapeText } from "../../../src/output/escape.ts";

const cases: [situation: string, text: string, escaped: string][] = [
  ["plain words", "etcd 3.5 ß 東京", "etcd 3.5 ß 東京"],
  ["a colour", "\x1b[31mred", "\\x1b[31mred"],
  ["a title of the window", "\x1b]0;owned\x07", "\\x1b]0;owned\\x07"],
  ["the one-character CSI", "\u009b2J", "\\x9b2J"],
  ["newline, return, tab", "a\nb\rc\td", "a\\nb\\rc\\td"],
  ["backspace and delete", "a\b\x7f", "a\\x08\\x7f"],
  ["NUL", "a\0b", "a\\x00b"],
  ["text from right to left", "a\u202eb\u2066c", "a\\u202eb\\u2066c"],
  ["invisible characters", "a\u200bb\ufeffc\u00add", "a\\u200bb\\ufeffc\\xadd"],
  ["separators of lines", "a\u2028b\u2029c", "a\\u2028b\\u2029c"],
  ["half a character", "a\ud800b", "a\\ud800b"],
  ["a whole character of two halves", "a😀b", "a😀b"],
];

test.each(cases)("escapeText() of %s", (_, text, escaped) => {
  expect(escapeText(text)).toBe(escaped);
});

test("escapeLine() keeps tabs", () => {
  expect(escapeLine("a\tb\x1b")).toBe("a\tb\\x1b");
});

test.each(cases)("escapeJson() of %s is the same string, and safe on a terminal", (_, text) => {
  const json = escapeJson({ text });
  expect(JSON.parse(json)).toEqual({ text });
  expect(escapeText(json)).toBe(json);
});

test("escapeJson() keeps the lines of an indented document", () => {
  expect(escapeJson({ a: ["\u202e"] }, 2)).toBe('{\n  "a": [\n    "\\u202e"\n  ]\n}');
});
