import { expect, test } from "vitest";
import { expandInstallSpecifiers } from "../../../src/unit/specifiers.ts";

test.each([
  ["plain", "plain"],
  ["%n", "my-app@one.service"],
  ["%N", "my-app@one"],
  ["%p-%i", "my-app-one"],
  ["%j", "app"],
  ["100%%n", "100%n"],
])("expandInstallSpecifiers(%j) is %j", (text, expanded) => {
  expect(expandInstallSpecifiers(text, "my-app@one.service")).toBe(expanded);
});

test.each(["%H", "%m", "%", "%t/x"])(
  "expandInstallSpecifiers(%j) is refused: it needs a running system",
  (text) => {
    expect(() => expandInstallSpecifiers(text, "a.service")).toThrow(
      expect.objectContaining({ code: "UNIT_INVALID" }),
    );
  },
);

test("a name without instance has an empty one", () => {
  expect(expandInstallSpecifiers("[%i]%p", "a.service")).toBe("[]a");
});
