/**
 * `npm run bench`: berth beside podman, skopeo+umoci and skopeo+ostree on the same images in one run.
 *
 *   --rounds N        default 5; the synthetic images get at most 3
 *   --only NAME,...   of small, big, files-N; default: all
 *   --tools NAME,...  of berth, podman, skopeo+umoci, skopeo+ostree
 *   --out DIR         where results.json, results.md and results.svg go; default: the cache
 *   --dir DIR         where the tools work; on the file system to be measured; default: the temporary directory
 */
import { mkdir, mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cacheDir } from "../support/lab/cache.ts";
import { interruption, tool } from "../support/lab/tool.ts";
import type { ImageName } from "./images.ts";
import { plot } from "./plot.ts";
import { runImage, type Sample } from "./run.ts";
import { table } from "./summary.ts";
import { growthTable, targetTable } from "./targets.ts";
import { type Tool, tools } from "./tools.ts";

const imageNames: readonly ImageName[] = ["small", "big", "files-1000", "files-20000", "files-200000"];
/** What one round leaves until the end, all tools together; bytes. */
const SPACE: Record<string, number> = { small: 1.7e9, big: 6e9, "files-200000": 1.2e9 };
const MOST_ROUNDS_OF_FILES = 3;

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => interruption.abort());
process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      only: { type: "string", default: imageNames.join(",") },
      tools: { type: "string", default: tools.map(({ name }) => name).join(",") },
      out: { type: "string", default: join(cacheDir, "bench-results") },
      dir: { type: "string", default: tmpdir() },
    },
  });
  const images = choose(imageNames, values.only);
  const chosen = choose(
    tools.map(({ name }) => name),
    values.tools,
  );
  const rounds = Number(values.rounds);
  await checkRoom(values.dir, { images, rounds });
  const dir = await mkdtemp(join(values.dir, "berth-bench-"));
  try {
    say("one pass of all on a tiny image, so that programs and caches are warm");
    await runImage("files-1000", { tools, rounds: 1, dir, say: () => {} });
    const options = {
      tools: tools.filter(({ name }) => chosen.includes(name)),
      rounds,
      dir,
      say,
    };
    await report(await runAll(images, options), { tools: options.tools, out: values.out });
    return 0;
  } catch (error) {
    if (interruption.signal.aborted) return 130;
    say(`failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    say("removing what was measured");
    await rm(dir, { recursive: true });
  }
}

async function runAll(
  images: readonly ImageName[],
  options: { tools: readonly Tool[]; rounds: number; dir: string; say: (text: string) => void },
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const image of images) {
    const own = image.startsWith("files-")
      ? { tools: options.tools.slice(0, 1), rounds: Math.min(options.rounds, MOST_ROUNDS_OF_FILES) }
      : {};
    samples.push(...(await runImage(image, { ...options, ...own })));
  }
  return samples;
}

async function report(
  samples: Sample[],
  { tools: used, out }: { tools: readonly Tool[]; out: string },
): Promise<void> {
  const text = [targetTable(samples), table(samples), growthTable(samples)]
    .filter((part) => part !== undefined)
    .join("\n\n");
  const results = {
    date: new Date().toISOString(),
    machine: machine(),
    versions: await versions(used),
    samples,
  };
  await mkdir(out, { recursive: true });
  await writeFile(join(out, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
  await writeFile(join(out, "results.md"), `${text}\n`);
  await writeFile(join(out, "results.svg"), plot(samples));
  process.stdout.write(`${text}\n\n${out}/results.{json,md,svg}\n`);
}

function machine(): Record<string, string | number> {
  return { cpu: cpus()[0]?.model ?? "", cores: cpus().length, memory: totalmem(), kernel: release() };
}

async function versions(used: readonly Tool[]): Promise<string[]> {
  const lines: string[] = [];
  for (const command of new Map(
    used.flatMap((one) => one.versions).map((words) => [words.join(" "), words]),
  ).values()) {
    const [program = "", ...args] = command;
    const { stdout } = await tool(program, args);
    lines.push(
      `${program === "node" ? command.at(-2)?.split("/").at(-1) : program}: ${stdout.split("\n").slice(0, 2).join(" ")}`,
    );
  }
  return lines;
}

async function checkRoom(
  dir: string,
  { images, rounds }: { images: readonly string[]; rounds: number },
): Promise<void> {
  const needed = images.reduce((sum, image) => sum + (SPACE[image] ?? 0), 0) * rounds;
  const { bavail, bsize } = await statfs(dir);
  const free = bavail * bsize;
  if (free < needed)
    throw new Error(
      `${rounds} rounds of ${images.join(", ")} need ${(needed / 1e9).toFixed(0)} GB in ${dir}, ${(free / 1e9).toFixed(0)} GB are free: nothing is deleted before the end`,
    );
}

function choose<T extends string>(known: readonly T[], wanted: string): T[] {
  const names = wanted.split(",");
  const unknown = names.filter((name) => !(known as readonly string[]).includes(name));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(", ")}; there are ${known.join(", ")}`);
  return known.filter((name) => names.includes(name));
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
