/** Policies and signatures put to berth and to skopeo, which is containers/image: one test a case, and a table of all verdicts at the end. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { Berth } from "./berth.ts";
import { ask, type Judge, newSkopeo, OLD_SKOPEO } from "./judges.ts";
import { TrustBench, type TrustCase } from "./trust-bench.ts";

interface Ruling {
  accepted: boolean;
  said: string;
}

/** Defines the tests; `subject` begins their names. `sigstore`: what Debian 12's skopeo is built without, so that it is not asked. */
export function testTrustTable(
  subject: string,
  cases: readonly TrustCase[],
  { sigstore = false }: { sigstore?: boolean } = {},
): void {
  let bench: TrustBench;
  let judges: readonly Judge[];
  const rows: string[][] = [];

  beforeAll(async () => {
    [bench, judges] = await Promise.all([TrustBench.open(), skopeos(sigstore)]);
  }, 300_000);

  afterAll(async () => {
    await bench.close();
    const head = ["case", ...judges.map(({ name }) => name), "berth", "berth's reason"];
    process.stdout.write(`${subject}\n${drawTable([head, ...rows])}\n`);
  });

  test.each(cases)(`${subject}: $name`, async (each) => {
    const { root, name } = await bench.prepare(each);
    const rulings: Ruling[] = [];
    for (const judge of judges) rulings.push(await rulingOf(judge, { root, name }));
    bench.registry.heal();
    const berth = await pull(name, root);
    const asked = bench.registry.requestsOf("blob").map(({ url }) => url);
    const reason = berth.accepted ? "" : reasonIn(berth.said);
    rows.push([each.name, ...[...rulings, berth].map(wordFor), reason]);
    const said = berth.said.replace(/\s+/g, " ");
    expect({ berth: berth.accepted, said }).toEqual({
      berth: each.accepts,
      said: each.says ? expect.stringMatching(each.says) : said,
    });
    for (const [at, { name: judge }] of judges.entries())
      expect({ judge, ...rulings[at] }).toMatchObject({ judge, accepted: expectedOf(each, judge) });
    if (each.accepts) return;
    expect(asked.filter((url) => layersOf(bench).some((digest) => url.includes(digest)))).toEqual([]);
    expect(berth.said).toMatch(/rejected|policy|signature|server/i);
  });
}

async function skopeos(sigstore: boolean): Promise<readonly Judge[]> {
  const newer = await newSkopeo();
  return sigstore ? [newer] : [OLD_SKOPEO, newer];
}

async function rulingOf(judge: Judge, { root, name }: { root: string; name: string }): Promise<Ruling> {
  const copy = ["copy", "--src-tls-verify=false", "--remove-signatures", `docker://${name}`];
  const { exitCode, stderr } = await ask(judge, { root }, [...copy, `dir:${root}/${judge.name}`]);
  return { accepted: exitCode === 0, said: stderr };
}

async function pull(name: string, root: string): Promise<Ruling> {
  const berth = await Berth.open({ root });
  try {
    const { status, stderr } = await berth.run("pull", name);
    return { accepted: status === 0, said: stderr };
  } finally {
    await berth.close();
  }
}

function expectedOf({ accepts, but = [] }: TrustCase, judge: string): boolean {
  return but.find((each) => each.judge === judge)?.accepts ?? accepts;
}

function wordFor({ accepted }: Ruling): string {
  return accepted ? "accepts" : "refuses";
}

/** The last cause is the nearest to what is wrong. */
function reasonIn(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !/^\s*hint/.test(line));
  const hidden: [RegExp, string][] = [
    [/sha256:[0-9a-f]{64}/g, "DIGEST"],
    [/[0-9A-F]{40}/g, "KEY"],
    [/127\.0\.0\.1:\d+/g, "HOST"],
    [/(?:\/[\w.@=-]+){3,}/g, "PATH"],
  ];
  const line = hidden.reduce((text, [what, by]) => text.replace(what, by), (lines.at(-1) ?? "").trim());
  return line.slice(0, 140);
}

function layersOf({ image }: TrustBench): string[] {
  const { layers } = JSON.parse(image.manifest.toString()) as { layers: Descriptor[] };
  return layers.map(({ digest }) => digest);
}

function drawTable(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
