import { describe, expect, test } from "vitest";
import { isFailure } from "../../../src/errors.ts";
import {
  endsInContinuation,
  isEnvironmentName,
  quoteArg,
  quoteEnvironmentFile,
  quoteExec,
  quotePath,
  quotePathValue,
  quoteTmpfs,
  quoteValue,
} from "../../../src/unit/quote.ts";
import { parseUnit } from "../../../src/unit/unit-file.ts";
import { hostileStrings, isEnvironmentSafe, unrepresentableStrings } from "../../support/hostile-strings.ts";
import { parseEnvironmentFile, parseExec, parsePathList, parseTmpfs } from "../../support/systemd-grammar.ts";

/** The value as systemd's reader of lines hands it on; fails when the value is not exactly one assignment. */
function throughUnitFile(value: string): string {
  const unit = parseUnit(`[Service]\nExecStart=${value}\nUser=nobody\n`);
  expect(unit.ignored).toEqual([]);
  expect(unit.sections).toHaveLength(1);
  expect(unit.sections[0]?.entries.map(({ key }) => key)).toEqual(["ExecStart", "User"]);
  return unit.sections[0]?.entries[0]?.value ?? "";
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (isFailure(error)) return error.code;
    throw error;
  }
  return undefined;
}

describe("quoteArg()", () => {
  test.each([
    ["plain", "plain"],
    ["--flag=/a/b:c,d", "--flag=/a/b:c,d"],
    ["", '""'],
    ["two words", '"two words"'],
    ['say "hi"', '"say \\"hi\\""'],
    ["it's", '"it\'s"'],
    ["a\\b", '"a\\\\b"'],
    ["%n", '"%%n"'],
    ["$HOME", '"$$HOME"'],
    ["a\nb", '"a\\nb"'],
    ["a\rb", '"a\\x0db"'],
    ["\u001b", '"\\x1b"'],
    ["\u0085", '"\\xc2\\x85"'],
    [";", '";"'],
    ["ä", '"ä"'],
  ])("writes %j as %s", (text, quoted) => {
    expect(quoteArg(text)).toBe(quoted);
  });

  test.each(hostileStrings)("%j arrives unchanged as an argument", (text) => {
    const value = throughUnitFile(quoteExec(["/bin/echo", text]));
    expect(parseExec(value)).toEqual([{ path: "/bin/echo", argv: ["/bin/echo", text] }]);
  });

  test("all hostile strings arrive together, as one command", () => {
    const argv = ["/bin/echo", ...hostileStrings];
    expect(parseExec(throughUnitFile(quoteExec(argv)))).toEqual([{ path: "/bin/echo", argv }]);
  });

  test.each(unrepresentableStrings)("%j is refused", (text) => {
    expect(codeOf(() => quoteArg(text))).toBe("UNIT_INVALID");
  });
});

describe("quoteExec()", () => {
  test.each(["/bin/two words", "/bin/100%", "/bin/a$b", "/bin/$\u007bHOME}", "/bin/;", "/bin/ä", "/-@:+!|x"])(
    "runs the program %j itself",
    (program) => {
      const value = throughUnitFile(quoteExec([program, "x"]));
      expect(parseExec(value)).toEqual([{ path: program, argv: [program, "x"] }]);
    },
  );

  test.each([
    [[]],
    [[""]],
    [["echo"]],
    [["-/bin/echo"]],
    [["@/bin/echo"]],
    [["+/bin/echo"]],
    [["!/bin/echo"]],
    [[":/bin/echo"]],
    [["|/bin/echo"]],
    [[" /bin/echo"]],
    [["/bin/"]],
    [["/"]],
    [["/bin/a\\b"]],
    [["/bin/a'b"]],
    [["/bin/a\nb"]],
    [["/bin/echo\0"]],
  ])("refuses %j, which systemd would not run or would run otherwise", (argv: string[]) => {
    expect(codeOf(() => quoteExec(argv))).toBe("UNIT_INVALID");
  });
});

describe("quoteValue()", () => {
  test.each([
    ["A service", "A service"],
    ["  spaces  ", "spaces"],
    ["50% of %n", "50%% of %%n"],
    ["one\ntwo\r\nthree", "one two three"],
    ["\u001b[31mred\u009b", "[31mred"],
    ["ends\\", "ends"],
    ["ends\\\\", "ends\\\\"],
    ["ends \\", "ends"],
    ["nul\0", "nul"],
    ["\ufffe \ud800", "\ufffd \ufffd"],
    ["", ""],
  ])("writes %j as %j", (text, value) => {
    expect(quoteValue(text)).toBe(value);
  });

  test.each([...hostileStrings, ...unrepresentableStrings])("%j stays one value", (text) => {
    throughUnitFile(quoteValue(text));
  });
});

describe("quotePath()", () => {
  const paths = ["/a", "/a b", "/a:b", '/a"b', "/a'b", "/a\\b", "/a%n", "/a$b", "/a ", "/-x", "/ä", "/a\\"];

  test.each(paths)("%j is one path of a list", (path) => {
    expect(parsePathList(throughUnitFile(quotePath(path)))).toEqual([path]);
    expect(parsePathList(throughUnitFile(`${quotePath(path)}:${quotePath(path)}`))).toEqual([path, path]);
  });

  test.each(paths)("quoteTmpfs() keeps %j and its options apart", (path) => {
    expect(parseTmpfs(throughUnitFile(quoteTmpfs(path, "ro,size=10%")))).toEqual([path, "ro,size=10%"]);
  });

  test.each(["", "a", "-/a", "+/a", "/a\nb", "/a\tb", "/a/../b", "/..", "/a\0", "/\ufffe"])(
    "%j is refused",
    (path) => {
      expect(codeOf(() => quotePath(path))).toBe("UNIT_INVALID");
      expect(codeOf(() => quotePathValue(path))).toBe("UNIT_INVALID");
      expect(codeOf(() => quoteTmpfs(path))).toBe("UNIT_INVALID");
    },
  );
});

describe("quotePathValue()", () => {
  test.each([
    ["/a b", "/a b"],
    ['/a"b', '/a"b'],
    ["/a%n", "/a%%n"],
    ["/a\\b", "/a\\b"],
    ["/a:b", "/a:b"],
  ])("writes %j as %j, since the directive takes the line as it is", (path, value) => {
    expect(quotePathValue(path)).toBe(value);
  });

  test("glob: true escapes what EnvironmentFile= would expand", () => {
    expect(quotePathValue("/a*b?[c]\\d", { glob: true })).toBe("/a\\*b\\?\\[c\\]\\\\d");
  });

  test.each(["/a ", "/a\\"])("%j is refused: it would be read otherwise", (path) => {
    expect(codeOf(() => quotePathValue(path))).toBe("UNIT_INVALID");
  });
});

describe("quoteEnvironmentFile()", () => {
  test("writes one line an entry", () => {
    expect(quoteEnvironmentFile(["A=1", 'B=say "$x"', "C=", "D=a=b"])).toBe(
      'A="1"\nB="say \\"\\$x\\""\nC=""\nD="a=b"\n',
    );
  });

  test.each(hostileStrings.filter(isEnvironmentSafe))("%j arrives unchanged", (text) => {
    expect(parseEnvironmentFile(quoteEnvironmentFile([`A=${text}`, "B=2"]))).toEqual({ A: text, B: "2" });
  });

  test.each(["A", "=x", "1A=x", "A B=x", "a.b=x", "a-b=x", "A=x\ny", "A=x\0", "A\n=x", "A=\ufffe", "#A=x"])(
    "%j is refused",
    (entry) => {
      expect(codeOf(() => quoteEnvironmentFile([entry]))).toBe("CONFIG_INVALID");
    },
  );

  test("names the variable and not its value", () => {
    expect(() => quoteEnvironmentFile(["TOKEN=se\ncret"])).toThrow(
      /^environment variable "TOKEN" has a NUL or a newline in its value$/,
    );
  });
});

test.each([
  ["PATH", true],
  ["_x9", true],
  ["9x", false],
  ["a.b", false],
  ["", false],
  ["ä", false],
])("isEnvironmentName(%j) is %j", (name, legal) => {
  expect(isEnvironmentName(name)).toBe(legal);
});

test.each([
  ["a", false],
  ["a\\", true],
  ["a\\\\", false],
  ["\\\\\\", true],
])("endsInContinuation(%j) is %j", (text, continued) => {
  expect(endsInContinuation(text)).toBe(continued);
});
