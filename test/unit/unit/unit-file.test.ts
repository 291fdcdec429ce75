import { describe, expect, test } from "vitest";
import {
  appendValue,
  formatUnit,
  getAllValues,
  getValue,
  parseUnit,
  setValue,
} from "../../../src/unit/unit-file.ts";

const text = `[Unit]
Description=An example
After=a.service
After=b.service

[Service]
ExecStart=/bin/echo \\
# a comment inside
  one \\
  two
ExecStart=
ExecStart=/bin/true

[Install]
WantedBy=multi-user.target
`;

describe("parseUnit()", () => {
  test("reads sections, repeated keys, continued lines and comments as systemd does", () => {
    expect(parseUnit(text)).toEqual({
      sections: [
        {
          name: "Unit",
          entries: [
            { key: "Description", value: "An example" },
            { key: "After", value: "a.service" },
            { key: "After", value: "b.service" },
          ],
        },
        {
          name: "Service",
          entries: [
            { key: "ExecStart", value: "/bin/echo    one    two" },
            { key: "ExecStart", value: "" },
            { key: "ExecStart", value: "/bin/true" },
          ],
        },
        { name: "Install", entries: [{ key: "WantedBy", value: "multi-user.target" }] },
      ],
      ignored: [],
    });
  });

  test.each([
    ["a byte order mark", "\ufeff[A]\nb=c"],
    ["CRLF", "[A]\r\nb=c\r\n"],
    ["CR alone", "[A]\rb=c\r"],
    ["NUL as a line end", "[A]\0b=c"],
    ["space around key and value", "  [A]  \n  b  =  c  \n"],
    ["comments", "# x\n; y\n[A]\n  # z\nb=c"],
    ["an even number of backslashes, which does not continue", "[A]\nb=c\n#\\\\\n"],
    ["a file that ends in a continued line", "[A]\nb=c\\"],
  ])("takes %s", (_, source) => {
    expect(parseUnit(source)).toEqual({
      sections: [{ name: "A", entries: [{ key: "b", value: "c" }] }],
      ignored: [],
    });
  });

  test.each([
    ["b=c\n[A]\n", "line 1: an assignment stands before the first section"],
    ["[A]\nnonsense\n", "line 2: there is no ="],
    ["[A]\n=c\n", "line 2: there is no key before ="],
    ["[A]\n[B\n", "line 2: a section header does not end in ]"],
    ["[A]\nb=\ufffe\n", "line 2: it is not UTF-8 to systemd"],
  ])("tells what systemd ignores: %j", (source, complaint) => {
    expect(parseUnit(source)).toEqual({ sections: [{ name: "A", entries: [] }], ignored: [complaint] });
  });
});

describe("formatUnit()", () => {
  test("writes what parseUnit() reads back", () => {
    const unit = parseUnit(text);
    expect(parseUnit(formatUnit(unit))).toEqual(unit);
  });

  test.each([
    ["a newline in a value", "A", "b", "c\nd"],
    ["a carriage return in a value", "A", "b", "c\rd"],
    ["NUL in a value", "A", "b", "c\0d"],
    ["a continued value", "A", "b", "c\\"],
    ["space at the end of a value", "A", "b", "c "],
    ["a noncharacter", "A", "b", "\ufffe"],
    ["a value over a megabyte", "A", "b", "x".repeat(1024 * 1024)],
    ["a comment as key", "A", "#b", "c"],
    ["an empty key", "A", "", "c"],
    ["= in a key", "A", "b=", "c"],
    ["a newline in a key", "A", "b\nc", "d"],
    ["] in a section", "A]", "b", "c"],
    ["a newline in a section", "A]\nb=c\n[B", "b", "c"],
    ["an empty section name", "", "b", "c"],
  ])("refuses %s", (_, name, key, value) => {
    expect(() => formatUnit({ sections: [{ name, entries: [{ key, value }] }] })).toThrow(
      expect.objectContaining({ code: "UNIT_INVALID" }),
    );
  });
});

describe("values", () => {
  const unit = parseUnit(text);

  test("getValue() gives the last value, or undefined", () => {
    expect(getValue(unit, { section: "Unit", key: "After" })).toBe("b.service");
    expect(getValue(unit, { section: "Unit", key: "Before" })).toBeUndefined();
    expect(getValue(unit, { section: "Install", key: "After" })).toBeUndefined();
  });

  test("getAllValues() gives the values after the last empty one", () => {
    expect(getAllValues(unit, { section: "Unit", key: "After" })).toEqual(["a.service", "b.service"]);
    expect(getAllValues(unit, { section: "Service", key: "ExecStart" })).toEqual(["/bin/true"]);
  });

  test("setValue() leaves one value at the place of the first", () => {
    const set = setValue(unit, { section: "Unit", key: "After", value: "c.service" });
    expect(set.sections[0]?.entries).toEqual([
      { key: "Description", value: "An example" },
      { key: "After", value: "c.service" },
    ]);
    expect(getAllValues(unit, { section: "Unit", key: "After" })).toHaveLength(2);
  });

  test("setValue() clears a later section of the same name", () => {
    const twice = parseUnit("[A]\nb=1\n[C]\n[A]\nb=2\nd=3\n");
    expect(formatUnit(setValue(twice, { section: "A", key: "b", value: "4" }))).toBe(
      "[A]\nb=4\n\n[C]\n\n[A]\nd=3\n",
    );
  });

  test("appendValue() adds at the end of the section and makes a missing one", () => {
    const more = appendValue(unit, { section: "Unit", key: "After", value: "c.service" });
    expect(getAllValues(more, { section: "Unit", key: "After" })).toEqual([
      "a.service",
      "b.service",
      "c.service",
    ]);
    expect(formatUnit(appendValue({ sections: [] }, { section: "Unit", key: "After", value: "x" }))).toBe(
      "[Unit]\nAfter=x\n",
    );
  });
});
