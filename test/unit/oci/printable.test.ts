import { expect, test } from "vitest";
import { printable } from "../../../src/oci/printable.ts";

test.each([
  ["plain text, äöü, 漢字", "plain text, äöü, 漢字"],
  ["\u001b[31mred\u0007", "\\x1b[31mred\\x07"],
  ["a\r\nb", "a\\x0d\\x0ab"],
  ["\u009b2J", "\\x9b2J"],
  ["evil\u202egnp", "evil\\u{202e}gnp"],
  ["line\u2028", "line\\u{2028}"],
])("statement 18: printable shows %j as %s", (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test("printable cuts what is long", () => {
  expect(printable("x".repeat(300), 10)).toBe(`${"x".repeat(10)}...`);
});
