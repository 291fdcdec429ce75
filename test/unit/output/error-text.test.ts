import { expect, test } from "vitest";
import { Failure } from "../../../src/errors.ts";
import { errorJson, errorText } from "../../../src/output/error-text.ts";

const failure = new Failure("JOB_FAILED", "cannot start etcd: exit-code\nlast line\x1b[2J", {
  hint: "see `berth logs etcd`",
  cause: new Error("the unit\nfailed", { cause: new Error("no such file") }),
});

test("errorText() tells the error, its causes and what to do, a line each", () => {
  expect(errorText(failure, { debug: false })).toBe(
    [
      "berth: cannot start etcd: exit-code",
      "  last line\\x1b[2J",
      "  the unit",
      "  failed",
      "  no such file",
      "hint: see `berth logs etcd`",
      "",
    ].join("\n"),
  );
});

test("errorText() says of an error without a code that it was not expected", () => {
  expect(errorText(new TypeError("x is not a function"), { debug: false })).toBe(
    "berth: unexpected error: x is not a function\n",
  );
  expect(errorText("a string", { debug: false })).toBe("berth: unexpected error: a string\n");
});

test("errorText() with debug adds the stacks", () => {
  expect(errorText(failure, { debug: true })).toMatch(
    /hint: .*\n(?:Failure|Error): .*\n[\s\S]* {4}at .*error-text\.test\.ts[\s\S]*\nError: no such file\n/,
  );
});

test("errorJson() is one line with code, message, hint and causes", () => {
  expect(JSON.parse(errorJson(failure))).toEqual({
    error: {
      code: "JOB_FAILED",
      message: "cannot start etcd: exit-code\nlast line\x1b[2J",
      hint: "see `berth logs etcd`",
      causes: ["the unit", "failed", "no such file"],
    },
  });
  expect(errorJson(failure)).not.toMatch(/\p{Cc}/u);
});

test("errorJson() of an error without a code is INTERNAL", () => {
  expect(JSON.parse(errorJson(new TypeError("x")))).toEqual({
    error: { code: "INTERNAL", message: "unexpected error: x", hint: null, causes: [] },
  });
});

test("errorText() as atomic: the message alone; of a mistake in the command line, where the help is", () => {
  const mistake = new Failure("USAGE", "unknown option '--x'");
  expect(errorText(failure, { debug: false, personality: "atomic" })).toMatch(
    /^cannot start etcd: exit-code\n/,
  );
  expect(errorText(mistake, { debug: false, personality: "atomic" })).toBe(
    "atomic: unknown option '--x'\nTry 'atomic --help' for more information.\n",
  );
  expect(errorText(mistake, { debug: false })).toBe("berth: unknown option '--x'\n");
});
