import { expect, test } from "vitest";
import { parseChallenges } from "../../../src/registry/challenge.ts";

test.each([
  [["Basic"], [["basic", {}]]],
  [['Basic realm="a, b"'], [["basic", { realm: "a, b" }]]],
  [
    ['Bearer realm="https://auth/token",service="s",scope="repository:a/b:pull,push"'],
    [["bearer", { realm: "https://auth/token", service: "s", scope: "repository:a/b:pull,push" }]],
  ],
  [["Bearer realm = https , SERVICE=s"], [["bearer", { realm: "https", service: "s" }]]],
  [
    ['Basic realm="x", Bearer realm="y",error="insufficient_scope"'],
    [
      ["basic", { realm: "x" }],
      ["bearer", { realm: "y", error: "insufficient_scope" }],
    ],
  ],
  [
    ["Negotiate", 'Basic realm="x"'],
    [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ],
  ],
  [
    ["Negotiate, Basic realm=x"],
    [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ],
  ],
  [['Basic realm="quoted \\"pair\\" \\\\ end"'], [["basic", { realm: 'quoted "pair" \\ end' }]]],
  [['Bearer realm="first",realm="second"'], [["bearer", { realm: "first" }]]],
  [['Bearer realm="unterminated'], [["bearer", { realm: "unterminated" }]]],
  [['Bearer __proto__="x"'], [["bearer", Object.assign(Object.create(null), { ["__proto__"]: "x" })]]],
  [["Bearer realm=@"], [["bearer", {}]]],
  [[" , ,"], []],
  [["=x"], []],
  [[], []],
] as [string[], [string, Record<string, string>][]][])("parseChallenges reads %j", (headers, expected) => {
  expect(parseChallenges(headers).map(({ scheme, parameters }) => [scheme, parameters])).toEqual(expected);
});
