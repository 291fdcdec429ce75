import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectDir } from "../support/lab/cache.ts";
import { type Answer, compare, type Facts, markdown, type Row } from "../support/lab/compare-runtimes.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const runtimes = ["systemd", "runc", "crun", "chroot"];
const paths = "/root:/home:/var:/var/lib/probe:/var/tmp:/sys:/proc/sys/kernel";
const image = "localhost:5000/probe-notify";
let rows: Row[];
let docs: string;

beforeAll(async () => {
  docs = await readFile(join(projectDir, "docs/runtimes.md"), "utf8");
  await lab.output(["berth", "pull", image]);
  const answers: Answer[] = [];
  for (const runtime of runtimes) answers.push(await answerUnder(runtime));
  rows = compare(answers, await factsOf());
});

afterAll(async () => {
  for (const runtime of runtimes) await lab.run(["berth", "uninstall", `compare-${runtime}`, "--purge"]);
});

test("one image sees the same under every runtime, but for what docs/runtimes.md shows of this systemd", async () => {
  const version = (await lab.output(["systemctl", "--version"])).match(/^systemd (\d+)/)?.[1];
  const table = markdown(runtimes, rows);
  process.stdout.write(`\nsystemd ${version}\n\n${table}\n\n`);
  const shown = docs.split(/^### /m).find((section) => section.includes(`(systemd ${version})`));
  expect(shown).toContain(table);
});

test("docs/runtimes.md explains each difference", () => {
  const different = rows.filter(({ cells }) => new Set(cells).size > 1).map(({ what }) => what);
  const unexplained = different.filter((what) => !docs.includes(`- **${what}**: `));
  expect(unexplained).toEqual([]);
});

async function answerUnder(runtime: string): Promise<Answer> {
  const name = `compare-${runtime}`;
  const options = ["--name", name, "--runtime", runtime, "--env", `PROBE_WRITE=${paths}`];
  await lab.output(["berth", "install", image, ...options]);
  const log = await lab.output(["journalctl", `--unit=${name}`, "--output=cat", "--boot"]);
  const line = log.split("\n").findLast((each) => each.startsWith("probe {")) ?? "";
  return JSON.parse(line.slice("probe ".length)) as Answer;
}

async function factsOf(): Promise<Facts> {
  const names = ["mnt", "pid", "ipc", "uts", "net", "cgroup", "user"];
  const links = await lab.output(["readlink", ...names.map((name) => `/proc/1/ns/${name}`)]);
  const namespaces = Object.fromEntries(links.split("\n").map((link) => [link.split(":")[0] ?? "", link]));
  return {
    namespaces,
    hostname: await lab.output(["hostname"]),
    variables: ["PATH", "HOME", "PERL_BADLANG", "PROBE_FROM", "PROBE_WRITE"],
  };
}
