import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { tool } from "../support/lab/tool.ts";
import { type ImageName, imageStorage, type Version } from "./images.ts";
import { measure, type Usage } from "./measure.ts";
import { type BenchRegistry, startRegistry } from "./registry.ts";
import type { Phase, Place, Tool } from "./tools.ts";

/** One measured step. `sent` is what the registry sent meanwhile, `disk` what the tool has stored afterwards; bytes. */
export interface Sample extends Usage {
  image: ImageName;
  round: number;
  tool: string;
  phase: Phase;
  sent: number;
  disk: number;
}

/**
 * All steps of all tools on one image, round by round, each round in fresh directories below `dir` and with another tool first. Nothing is deleted
 * between the measurements: what a deletion leaves to do would be counted for the next tool.
 */
export async function runImage(
  image: ImageName,
  {
    tools,
    rounds,
    dir,
    say,
  }: { tools: readonly Tool[]; rounds: number; dir: string; say: (text: string) => void },
): Promise<Sample[]> {
  const registry = await startRegistry(await imageStorage(image));
  const samples: Sample[] = [];
  try {
    const layers = await layersOf(image, registry.address);
    for (let round = 0; round < rounds; round++) {
      const first = round % tools.length;
      for (const one of [...tools.slice(first), ...tools.slice(0, first)]) {
        say(`${image}, round ${round + 1} of ${rounds}: ${one.name}`);
        const place = { dir: await freshDirectory(dir), registry: registry.address, image, layers };
        samples.push(...(await runTool(one, { place, registry, round })));
      }
    }
  } finally {
    await registry.stop();
  }
  return samples;
}

async function runTool(
  one: Tool,
  { place, registry, round }: { place: Place; registry: BenchRegistry; round: number },
): Promise<Sample[]> {
  await one.prepare(place);
  const samples: Sample[] = [];
  for (const { phase, tool: name, commands } of one.steps(place)) {
    await tool("sync", ["--file-system", place.dir]); // what others wrote is not for this one to sync
    await registry.sent();
    const usage = await measure(commands, { env: one.env(place) });
    const [sent, disk] = [await registry.sent(), await diskUsage(one.stored(place))];
    samples.push({ image: place.image, round, tool: name, phase, ...usage, sent, disk });
  }
  return samples;
}

/** ext4 puts what lies in a directory with the attribute T far from what lies beside it. Other file systems have no such attribute. */
async function freshDirectory(dir: string): Promise<string> {
  await tool("chattr", ["+T", dir], { reject: false });
  return mkdtemp(join(dir, "r")); // short: podman takes no long path
}

/** Files with several names are counted once. */
async function diskUsage(paths: readonly string[]): Promise<number> {
  const { stdout } = await tool("du", ["--summarize", "--total", "--block-size=1", ...paths], {
    reject: false,
  });
  return Number(stdout.split("\n").at(-1)?.split("\t")[0]);
}

async function layersOf(image: ImageName, address: string): Promise<Place["layers"]> {
  const read = async (version: Version): Promise<string[] | undefined> => {
    const headers = { accept: "application/vnd.oci.image.manifest.v1+json" };
    const answer = await fetch(`http://${address}/v2/${image}/manifests/${version}`, { headers });
    if (!answer.ok) return undefined;
    const { layers } = (await answer.json()) as { layers: { digest: string }[] };
    return layers.map(({ digest }) => digest.replace("sha256:", ""));
  };
  const [v1, v2] = [await read("v1"), await read("v2")];
  if (v1 === undefined) throw new Error(`the registry has no ${image}:v1`);
  return v2 === undefined ? { v1 } : { v1, v2 };
}
