import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool } from "../support/lab/tool.ts";

/** What commands took. Times in seconds, their children's included; `memory` is the peak of the largest process in bytes. */
export interface Usage {
  wall: number;
  user: number;
  system: number;
  memory: number;
}

/** Runs commands one after the other, each under GNU time. An error shows what the command said. */
export async function measure(
  commands: readonly (readonly string[])[],
  { env }: { env: Record<string, string> },
): Promise<Usage> {
  const sum: Usage = { wall: 0, user: 0, system: 0, memory: 0 };
  for (const command of commands) {
    const usage = await measureOne(command, env);
    sum.wall += usage.wall;
    sum.user += usage.user;
    sum.system += usage.system;
    sum.memory = Math.max(sum.memory, usage.memory);
  }
  return sum;
}

async function measureOne(command: readonly string[], env: Record<string, string>): Promise<Usage> {
  const dir = await mkdtemp(join(tmpdir(), "berth-bench-time-"));
  try {
    const file = join(dir, "time");
    const options = ["--quiet", `--output=${file}`, "--format=%U %S %M"];
    const begin = performance.now();
    await tool("/usr/bin/time", [...options, ...command], { env, stdin: "ignore" });
    const wall = (performance.now() - begin) / 1000;
    const [user = 0, system = 0, kilobytes = 0] = (await readFile(file, "utf8")).split(" ").map(Number);
    return { wall, user, system, memory: kilobytes * 1024 };
  } finally {
    await rm(dir, { recursive: true });
  }
}
