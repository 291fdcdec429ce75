import { expect, test } from "vitest";
import { refuseTogether } from "../../../src/commands/exclusive.ts";

test.each([
  [{}, undefined],
  [{ "--a": false, "--b": true }, undefined],
  [{ "--a": true, "--b": false, "--c": true }, "--a and --c exclude each other"],
])("refuseTogether() of %o", (given, message) => {
  if (message === undefined) expect(() => refuseTogether(given)).not.toThrow();
  else expect(() => refuseTogether(given)).toThrow(expect.objectContaining({ code: "USAGE", message }));
});
