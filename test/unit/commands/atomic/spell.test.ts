import { expect, test } from "vitest";
import { spellVerbs } from "../../../../src/commands/atomic/spell.ts";
import type { Context } from "../../../../src/commands/command.ts";
import { spelled, withSpellings } from "../../../../src/commands/spellings.ts";
import { verbs } from "../../../../src/commands/verbs.ts";
import { createProgram, parseCommandLine } from "../../../../src/program.ts";
import type { Personality } from "../../../../src/view.ts";

const TWO_WORDS = [
  ...["list", "delete", "update", "rollback", "trim"].map((verb) => `containers ${verb}`),
  ...["list", "delete", "info", "prune", "tag", "update", "version", "verify"].map(
    (verb) => `images ${verb}`,
  ),
];

const parse = async (line: string, personality: Personality) => {
  const argv = line.split(" ");
  const known = await withSpellings(verbs, { argv, personality });
  const call = parseCommandLine(argv, { verbs: known, personality });
  if ("text" in call) throw new Error(call.text);
  return call;
};

test.each(["berth", "atomic"] as const)(
  "every spelling is a verb of %s, with a handler",
  async (personality) => {
    const known = await spelled(verbs, personality);
    const names = known.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    expect(names).toEqual([...new Set(names)]);
    for (const name of [...TWO_WORDS, "install", "uninstall", "run", "stop", "ps", "info", "pull"])
      expect(names).toContain(name);
    for (const { name, aliases = [] } of verbs)
      for (const word of [name, ...aliases]) expect(names).toContain(word);
    for (const verb of known) expect((await verb.load()).view).toBeTypeOf("function");
    expect(() =>
      createProgram({ verbs: known, personality, write: () => {}, invoke: () => {} }),
    ).not.toThrow();
  },
);

test.each(["berth", "atomic"] as const)("the two words of a verb are one for %s", async (personality) => {
  for (const name of TWO_WORDS) {
    const needsTwo = name === "images tag";
    const operands = /delete|rollback|info|version|tag$|(containers|images) (update|verify)/.test(name)
      ? " x"
      : "";
    const call = await parse(`--json ${name}${operands}${needsTwo ? " y" : ""}`, personality);
    expect([call.verb.name, call.globals.json, call.args[0]]).toEqual([
      name,
      true,
      operands === "" ? undefined : "x",
    ]);
  }
});

test.each([
  [
    "containers list -a -n --no-trunc -f state=running --filter image=x -q",
    { all: true, noheading: true, trunc: false, filter: ["state=running", "image=x"] },
  ],
  [
    "install --system --user --display --storage ostree --system-package=no -n x --set A=1 --set=B=2 image",
    {
      system: true,
      user: true,
      display: true,
      storage: "ostree",
      systemPackage: "no",
      name: "x",
      set: { A: "1", B: "2" },
    },
  ],
  [
    "run --storage ostree --runtime /usr/bin/runc x echo -n --storage",
    { storage: "ostree", runtime: "/usr/bin/runc" },
  ],
  ["--assumeyes images delete -f --storage ostree x", { force: true, storage: "ostree" }],
])("atomic %s", async (line, options) => {
  expect((await parse(line, "atomic")).options).toMatchObject(options);
});

test("berth takes Atomic's options too, and does not show them", async () => {
  const call = await parse("install --system --storage=ostree --system-package auto image", "berth");
  expect(call.options).toMatchObject({ system: true, storage: "ostree", start: true });
  const argv = ["install", "--help", "--system"];
  const known = await withSpellings(verbs, { argv, personality: "berth" });
  const { text } = parseCommandLine(argv, { verbs: known, personality: "berth" }) as { text: string };
  expect(text).not.toContain("--system");
});

test.each([
  ["containers", "containers is not a verb alone"],
  ["containers lst", "containers is not a verb alone"],
])("`%s` says which verbs there are", async (line, message) => {
  await expect(parse(line, "berth")).rejects.toMatchObject({ code: "USAGE", message });
  const { text } = parseCommandLine(["containers", "--help"], {
    verbs: await spelled(verbs, "atomic"),
    personality: "atomic",
  }) as { text: string };
  expect(text).toMatch(/^containers rollback +Go back/m);
});

test("a mistake in --set is told in Atomic's words", async () => {
  await expect(parse("install --set A image", "atomic")).rejects.toMatchObject({
    code: "USAGE",
    message: "Invalid value 'A'.  Expected form NAME=VALUE",
  });
});

test("berth's verbs are not made anew where no word is Atomic's", async () => {
  for (const argv of [["list"], ["images", "-f", "x"], ["install", "x", "--set", "A=1"], ["run", "x"]])
    expect(await withSpellings(verbs, { argv, personality: "berth" })).toBe(verbs);
});

test.each([
  [{ user: true }, "--user is not available"],
  [{ storage: "docker" }, "only available for the 'ostree' storage"],
  [{ systemPackage: "build" }, "berth makes no packages"],
  [{ systemPackage: "yes" }, "berth makes no packages"],
  [
    { systemPackage: "maybe" },
    "Invalid --system-package mode.  Accepted values: 'auto', 'build', 'no', 'yes'",
  ],
])("install with %j is refused", async (options, message) => {
  const install = spellVerbs(verbs, "berth").find(({ name }) => name === "install");
  const handler = await install?.load();
  const context = { globals: {} } as Context;
  await expect(handler?.run(context, ["image"], options as never)).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining(message),
  });
});
