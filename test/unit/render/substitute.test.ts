import { describe, expect, test } from "vitest";
import { substitute, substituteBytes, variablesIn } from "../../../src/render/substitute.ts";
import { failureOf } from "../../support/failures.ts";

const FILE = "/exports/config.json.template";
const values = { NAME: "etcd", PORT_2: "8081", _x: "under", HOST_UID: 0, EMPTY: "", RAW: ',{"a":"$NAME"}' };

const fill = (text: string): string => substitute(text, values, { file: FILE });

describe("substitute()", () => {
  test.each([
    ["a name", "x $NAME y", "x etcd y"],
    ["a name in braces", `x\${NAME}y`, "xetcdy"],
    ["a name that ends the text", "a $NAME", "a etcd"],
    ["a name up to what no name has", "$NAME-$NAME.$NAME/", "etcd-etcd.etcd/"],
    ["digits in a name", "$PORT_2", "8081"],
    ["a name that begins with _", "$_x", "under"],
    ["a number", "$HOST_UID", "0"],
    ["an empty value", "[$EMPTY]", "[]"],
    ["two dollars", "$$NAME $$ $$$NAME", "$NAME $ $etcd"],
    ["a value with placeholders in it, once", "[$RAW]", '[,{"a":"$NAME"}]'],
    ["nothing to replace", "plain\n", "plain\n"],
    ["an empty text", "", ""],
  ])("replaces %s", (_, text, expected) => {
    expect(fill(text)).toBe(expected);
  });

  test.each([
    ["a digit", "$1", 1, 1],
    ["a command", "one\ntwo $(date)", 2, 5],
    ["braces that do not close", `a\r\nb\${NAME`, 2, 2],
    ["empty braces", "${}", 1, 1],
    ["a dollar at the end", "one\n\n$", 3, 1],
    ["a letter that ASCII has not", "$\u017fx", 1, 1],
  ])("refuses %s after a dollar, by line and column", async (_, text, line, column) => {
    expect(await failureOf(() => fill(text))).toMatchObject({
      code: "TEMPLATE_INVALID",
      message: `Invalid placeholder in string: line ${line}, col ${column} of ${FILE}`,
    });
  });

  test("names the first missing value as Atomic did, and all of them in the hint", async () => {
    expect(await failureOf(() => fill("$NAME $VAR $OTHER $VAR"))).toMatchObject({
      code: "VALUE_MISSING",
      message: `The template file '${FILE}' still contains an unreplaced value for: ''VAR''`,
      hint: "give --set VAR=VALUE --set OTHER=VALUE",
    });
  });

  test("ends a text that values make too long", async () => {
    const text = "$VAR".repeat(20_000);
    expect(
      await failureOf(() => substitute(text, { VAR: "x".repeat(1_000_000) }, { file: FILE })),
    ).toMatchObject({
      code: "TEMPLATE_INVALID",
      message: `${FILE} is longer than 16777216 characters with its values put in`,
    });
  });

  test.each(["constructor", "toString", "__proto__"])("takes no value for $%s from nowhere", async (name) => {
    expect(await failureOf(() => fill(`$${name}`))).toMatchObject({ code: "VALUE_MISSING" });
  });
});

test("substituteBytes() leaves bytes that are no text as they are, and writes values as UTF-8", () => {
  const bytes = Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from("$WHO \u00fc"), Buffer.from([0xe4])]);
  expect(substituteBytes(bytes, { WHO: "M\u00fcller" }, { file: "x" })).toEqual(
    Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from("M\u00fcller \u00fc"), Buffer.from([0xe4])]),
  );
});

test("variablesIn() has each name once, in order, and passes over what is none", () => {
  expect(variablesIn("$B ${A} $$C $1 $B $")).toEqual(["B", "A"]);
});
