/** The completion in a real bash, with the names of a store on disk. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verbs } from "../../src/commands/verbs.ts";
import { Berth } from "../support/berth.ts";
import { makeImage, writeLayout } from "../support/images.ts";

const main = join(import.meta.dirname, "../support/berth-main.ts");
let directory: string;
let berth: Berth;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "berth-completion-"));
  await mkdir(join(directory, "root"));
  berth = await Berth.open({ root: join(directory, "root") });
  await writeFile(join(directory, "berth"), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(join(directory, "berth"), 0o755);
  await writeFile(join(directory, "values.yaml"), "");
  const image = await makeImage({ config: { Entrypoint: ["/app"] }, files: { app: { mode: 0o755 } } });
  await writeLayout(join(directory, "layout"), { latest: image });
  for (const name of ["example.com/etcd:3.4", "example.com/etcd:3.5", "example.com/web:1"])
    await berth.json("pull", `oci:${directory}/layout`, "--as", name);
  for (const name of ["agent", "etcd"])
    await berth.json("install", "example.com/etcd:3.5", "--name", name, "--runtime", "systemd");
  const { script } = await berth.json<{ script: string }>("completion", "bash");
  await writeFile(join(directory, "completion.bash"), script);
});

afterAll(async () => {
  await berth.close();
  await rm(directory, { recursive: true });
});

/** What bash offers where the cursor is at the end of `line`; STORE stands for the options that name this store. */
async function offered(
  line: string,
  { point, by = "_berth", script = "completion.bash" }: { point?: number; by?: string; script?: string } = {},
): Promise<string[]> {
  const store = `--root ${directory}/root --state ${berth.path("state")}`;
  const typed = line.replace("STORE", store);
  const { stdout } = await execa(
    "bash",
    [
      ...["--norc", "--noprofile", "-c"],
      `. ${directory}/${script}; ${by}; (( \${#COMPREPLY[@]} )) && printf '%s\\n' "\${COMPREPLY[@]}"; true`,
    ],
    {
      cwd: directory,
      env: {
        PATH: `${directory}${delimiter}${process.env["PATH"]}`,
        COMP_LINE: typed,
        COMP_POINT: String(point ?? typed.length),
        COMP_WORDBREAKS: " \t\n\"'><=;|&(:",
      },
    },
  );
  return stdout === "" ? [] : stdout.split("\n").sort();
}

test("bash completion offers every verb and alias, and help", async () => {
  const names = verbs.flatMap(({ name, aliases = [] }) => [name, ...aliases]).concat("containers", "info");
  expect(await offered("berth ")).toEqual([...names, "help"].sort());
});

test.each<[line: string, words: string[]]>([
  ["berth un", ["unhold", "uninstall", "unmount", "unpin"]],
  ["berth --json un", ["unhold", "uninstall", "unmount", "unpin"]],
  ["berth help roll", ["rollback"]],
  ["berth containers ro", ["rollback"]],
  ["berth images list --nohe", ["--noheading"]],
  ["berth images pru", ["prune"]],
  ["berth completion ", ["bash"]],
  ["berth update --w", ["--watch"]],
  ["berth update --no", ["--no-pull"]],
  ["berth list --js", ["--json"]],
  ["berth --progress ", ["json"]],
  ["berth --progress=j", ["json"]],
  ["berth copy --format ", ["oci", "v2s2"]],
  ["berth pull --tls-verify=", ["false", "true"]],
  ["berth install --name ", []],
  ["berth no-such-verb ", []],
  [
    "berth recover --",
    ["--config", "--debug", "--help", "--json", "--progress", "--quiet", "--root", "--state", "--yes"],
  ],
  ["berth load val", ["values.yaml"]],
  ["berth pull --authfile val", ["values.yaml"]],
  ["berth --root ro", ["root"]],
])("bash completion of `%s`", async (line, words) => {
  expect(await offered(line)).toEqual(words);
});

test.each<[line: string, words: string[]]>([
  ["berth STORE status ", ["agent", "etcd"]],
  ["berth STORE stop etcd a", ["agent"]],
  ["berth STORE rollback --to 1 e", ["etcd"]],
  ["berth STORE order etcd --after agen", ["agent"]],
  ["berth STORE history etcd ", []],
  ["berth STORE rmi example.com/w", ["example.com/web:1"]],
  ["berth STORE inspect e", ["etcd", "example.com/etcd:3.4", "example.com/etcd:3.5", "example.com/web:1"]],
  ["berth STORE update etcd --rebase example.com/w", ["example.com/web:1"]],
])("bash completion of `%s` asks berth for the names of the store", async (line, words) => {
  // Where units are asked for, the host's own are offered as well: \x2d and all.
  expect((await offered(line)).filter((word) => !/\.[a-z]+$/.test(word))).toEqual(words);
});

test("bash completion after a colon, where bash begins a new word, offers what follows it", async () => {
  expect(await offered("berth STORE push example.com/etcd:")).toEqual(["3.4", "3.5"]);
});

test("bash completion in the middle of a line sees what stands before the cursor", async () => {
  expect(await offered("berth un --json", { point: "berth un".length })).toEqual([
    "unhold",
    "uninstall",
    "unmount",
    "unpin",
  ]);
});

test("bash completion leaves the words of run's command alone", async () => {
  expect(await offered("berth STORE run etcd ls --js")).toEqual([]);
});

test.each<[line: string, words: string[]]>([
  ["atomic containers ", ["delete", "list", "rollback", "trim", "update"]],
  ["atomic install --sys", ["--system", "--system-package"]],
  ["atomic STORE containers rollback e", ["etcd"]],
  ["atomic STORE images delete example.com/w", ["example.com/web:1"]],
])("bash completion of `%s`, beside that of berth", async (line, words) => {
  const { stdout: script } = await berth.atomic("completion", "bash");
  expect(script).toMatch(/\ncomplete -F _atomic atomic\n$/);
  await writeFile(join(directory, "both.bash"), `. ${directory}/completion.bash\n${script}`);
  expect(await offered(line, { by: "_atomic", script: "both.bash" })).toEqual(words);
});

test("completion of another shell is refused", async () => {
  expect(await berth.run("completion", "fish")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("there is one for bash"),
  });
});
