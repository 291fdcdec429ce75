import { describe, expect, test } from "vitest";
import { excludedPrefixes, markedPaths } from "../../../src/deploy/marked-for-removal.ts";

describe("markedPaths()", () => {
  test.each<[line: string, paths: string[]]>([
    ["D /run/app 0755 - - -", ["/run/app"]],
    ["R /run/app/*.sock", ["/run/app/*.sock"]],
    ["r /tmp/app.pid", ["/tmp/app.pid"]],
    ['D "/run/two words" 0755', ["/run/two words"]],
    ["D+ %t/app", ["/run/app"]],
    ["D %S/app", ["/var/lib/app"]],
    ["D /var/run/app", ["/run/app"]],
    ["R! /run/app", []],
    ["d /var/lib/app :0755 :0 :0 - -", []],
    ["# D /run/app", []],
    ["", []],
  ])("of `%s`", (line, paths) => {
    expect(markedPaths(line)).toEqual(paths);
  });
});

describe("excludedPrefixes()", () => {
  test.each<[string, marked: string[], kept: string[], expected: string[]]>([
    ["what is protected", ["/run/app"], ["/var/lib"], ["/var/lib"]],
    ["a directory that holds a volume", ["/run/app"], ["/run/app/data"], ["/run/app/data", "/run/app"]],
    ["not a directory whose name only begins so", ["/run/app"], ["/run/apple"], ["/run/apple"]],
    ["a pattern that a volume may fit", ["/run/*/data"], ["/run/app"], ["/run/app", "/run/*/data"]],
    ["the root directory", ["/"], ["/etc"], ["/etc", "/"]],
  ])("leaves out %s", (_, marked, kept, expected) => {
    expect(excludedPrefixes(marked, kept)).toEqual(expected);
  });
});
