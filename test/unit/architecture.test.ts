import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

/** Each file imports from groups to the right of its own, or from its own directory. A group is what stands between arrows. */
const LINE = `
  cli -> run -> program -> {commands output} -> deploy -> host
  -> {transport store trust render runtime systemd config}
  -> {registry layer unit} -> oci -> {sys errors events view version} -> home
`;

/** What the library offers: it may name everything, and nothing imports it. */
const LIBRARY = "index";

const source = resolve(import.meta.dirname, "../../src");
const groups = LINE.split("->").map((group) => group.replace(/[{}]/g, "").trim().split(/\s+/));

/** `store/locks.ts` belongs to `store`, `cli.ts` to `cli`. */
function memberOf(file: string): string {
  return (relative(source, file).split("/")[0] ?? "").replace(/\.ts$/, "");
}

function rankOf(member: string): number {
  return groups.findIndex((group) => group.includes(member));
}

const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(source, name));

/** Every module named by an import, an export, an `import()` or a worker's URL. */
function importsOf(file: string): string[] {
  const named = readFileSync(file, "utf8").matchAll(
    /(?:\bfrom|\bimport|\bimport\(|new URL\()\s*"(\.[^"]+)"/g,
  );
  return [...named].map(([, name = ""]) => resolve(dirname(file), name));
}

test("every file of src belongs to a group", () => {
  const strangers = files.filter((file) => rankOf(memberOf(file)) === -1 && memberOf(file) !== LIBRARY);
  expect(strangers).toEqual([]);
});

test("a file imports only to the right, and never from another member of its group", () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((imported) => {
        const [from, to] = [memberOf(file), memberOf(imported)];
        return from !== LIBRARY && from !== to && rankOf(to) <= rankOf(from);
      })
      .map((imported) => `${relative(source, file)} -> ${relative(source, imported)}`),
  );
  expect(wrong).toEqual([]);
});

test("no file has more than 400 lines", () => {
  const long = files.filter((file) => readFileSync(file, "utf8").split("\n").length > 401);
  expect(long).toEqual([]);
});

test("only cli.ts touches arguments, exit status and signals, and only output/ and cli.ts the streams", () => {
  const wrong = files.filter((file) => {
    const text = readFileSync(file, "utf8");
    const member = memberOf(file);
    if (member === "cli") return false;
    return /\bprocess\.(argv|exit|exitCode|on|once|stdout|stderr)\b/.test(text) || /\bconsole\./.test(text);
  });
  expect(wrong.map((file) => relative(source, file))).toEqual([]);
});
