import { expect, test } from "vitest";
import { parseJson } from "../../../src/oci/json.ts";
import { failureOf } from "../../support/failures.ts";

test.each([
  '{"a":{"a":1},"b":[{"a":1},{"a":2}]}',
  '["a:", "{", "}", {"x": ":\\"{"}]',
  '{"a\\\\":1,"a\\\\\\"":2}',
  "[]",
  "null",
  `${"[".repeat(64)}${"]".repeat(64)}`,
])("parseJson reads %s as JSON.parse does", (text) => {
  expect(parseJson(text, "x")).toEqual(JSON.parse(text));
});

test.each([
  ['{"a":1,"a":2}', 'x: duplicate key "a"'],
  ['{"a":1,"\\u0061":2}', 'x: duplicate key "a"'],
  ['{"z":[{"a":1 , "b":{"a":1}, "a" :2}]}', 'x: duplicate key "a"'],
  ['{"\\u001b":1,"\\u001b":2}', 'x: duplicate key "\\x1b"'],
  ["[".repeat(65) + "]".repeat(65), "nested deeper than 64 levels"],
  ["[".repeat(2_000_000), "nested deeper than 64 levels"],
  ['{"a":'.repeat(2_000_000), "nested deeper than 64 levels"],
  ['{"a":1', "not JSON"],
  ["", "not JSON"],
  ["<html>\u001b[2J", "not JSON"],
  [`"${'\\"'.repeat(1_000_000)}`, "not JSON"],
])("statement 12: parseJson refuses text %#", async (text, message) => {
  const started = Date.now();
  const failure = await failureOf(() => parseJson(Buffer.from(text), "x", { code: "CONFIG_INVALID" }));
  expect(failure.code).toBe("CONFIG_INVALID");
  expect(failure.message).toContain(message);
  expect(failure.message).not.toMatch(/\p{Cc}/u);
  expect(Date.now() - started).toBeLessThan(2000);
});

test("parseJson refuses bytes that are not UTF-8", async () => {
  const failure = await failureOf(() => parseJson(Buffer.from([0x22, 0xff, 0x22]), "manifest"));
  expect(failure).toMatchObject({ code: "MANIFEST_INVALID", message: "manifest: not UTF-8 text" });
});
