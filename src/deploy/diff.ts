/** diff: what differs between two deployments of a container: files, values, unit, configuration. */
import type { Dirent, Stats } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../host.ts";
import { findContainer } from "./containers.ts";
import { imageOf } from "./deployments.ts";
import { type Info, readInfo } from "./info.ts";
import { previousDeployment, requireDeployment } from "./standings.ts";
import { FORCED_VARIABLES } from "./values.ts";

export interface DeploymentDiff {
  name: string;
  a: number;
  b: number;
  image: { a: string; b: string };
  /** Paths in the root file system, sorted. */
  files: { added: string[]; removed: string[]; changed: string[] };
  /** Names of values that differ; what they are is not shown. */
  values: string[];
  /** Of the unit, the drop-in and the other files: lines only one side has. */
  texts: { file: string; removed: string[]; added: string[] }[];
}

/** Files that hold values: that they differ is said, not how. */
const SECRET = /^(config\.json|environment|info|rendered-\d+)$/;

/** By default from the previous deployment to the current one. @throws Failure NO_PREVIOUS */
export async function diff(host: Host, name: string, numbers: readonly number[]): Promise<DeploymentDiff> {
  const { layout } = host;
  const { deployment } = await findContainer(host, name);
  const a = numbers[0] ?? (await previousDeployment(layout, name)) ?? deployment;
  const b = numbers[1] ?? deployment;
  const [from, to] = [
    layout.deployment(name, await requireDeployment(layout, name, a)),
    layout.deployment(name, await requireDeployment(layout, name, b)),
  ];
  const [infoA, infoB] = await Promise.all([readInfo(from), readInfo(to)]);
  const [valuesA, valuesB] = [chosenValues(infoA.values), chosenValues(infoB.values)];
  const names = new Set([...valuesA.keys(), ...valuesB.keys()]);
  return {
    name,
    a,
    b,
    image: { a: `${infoA.image}@${imageOf(infoA)}`, b: `${infoB.image}@${imageOf(infoB)}` },
    files: await diffTrees(join(from, "rootfs"), join(to, "rootfs")),
    values: [...names].filter((each) => valuesA.get(each) !== valuesB.get(each)).sort(),
    texts: await diffTexts(from, to),
  };
}

/** What somebody chose: the directory, the command line and the image are other ones in every deployment. */
function chosenValues(values: Info["values"]): Map<string, string | number> {
  return new Map(Object.entries(values).filter(([name]) => !FORCED_VARIABLES.has(name)));
}

async function diffTrees(a: string, b: string): Promise<DeploymentDiff["files"]> {
  const files: DeploymentDiff["files"] = { added: [], removed: [], changed: [] };
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const [inA, inB] = await Promise.all([entriesOf(join(a, path)), entriesOf(join(b, path))]);
    for (const name of new Set([...inA.keys(), ...inB.keys()])) {
      const below = `${path}/${name}`;
      if (!inA.has(name)) files.added.push(below);
      else if (!inB.has(name)) files.removed.push(below);
      else if (await differ(join(a, below), join(b, below))) files.changed.push(below);
      if (inA.get(name)?.isDirectory() && inB.get(name)?.isDirectory()) pending.push(below);
    }
  }
  for (const list of Object.values(files)) list.sort();
  return files;
}

/** Files that come from one object are one inode: nothing has to be read. */
async function differ(a: string, b: string): Promise<boolean> {
  const [inA, inB] = await Promise.all([lstat(a), lstat(b)]);
  if (inA.ino === inB.ino && inA.dev === inB.dev) return false;
  if (attributes(inA) !== attributes(inB)) return true;
  if (inA.isSymbolicLink()) return (await readlink(a)) !== (await readlink(b));
  if (!inA.isFile()) return false;
  return inA.size !== inB.size || inA.size > 0;
}

function attributes({ mode, uid, gid, rdev }: Stats): string {
  return `${mode} ${uid}:${gid} ${rdev}`;
}

async function entriesOf(directory: string): Promise<Map<string, Dirent>> {
  return new Map((await readdir(directory, { withFileTypes: true })).map((entry) => [entry.name, entry]));
}

async function diffTexts(a: string, b: string): Promise<DeploymentDiff["texts"]> {
  const names = new Set([...(await textFiles(a)), ...(await textFiles(b))]);
  const texts: DeploymentDiff["texts"] = [];
  for (const file of [...names].sort()) {
    const [inA, inB] = await Promise.all([linesOf(join(a, file)), linesOf(join(b, file))]);
    if (inA.join("\n") === inB.join("\n")) continue;
    const only = (lines: string[], others: string[]): string[] =>
      SECRET.test(file) ? [] : lines.filter((line) => !others.includes(line));
    texts.push({ file, removed: only(inA, inB), added: only(inB, inA) });
  }
  return texts;
}

async function textFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !["info", "activated", "pinned"].includes(entry.name))
    .map((entry) => entry.name);
}

async function linesOf(path: string): Promise<string[]> {
  return (await readFile(path, "utf8").catch(() => "")).split("\n");
}
