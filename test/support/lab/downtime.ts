import { setTimeout as sleep } from "node:timers/promises";
import type { Machine } from "./machine.ts";

/** Milliseconds between two requests, and for one. */
const EVERY = 20;
const LIMIT = 500;

/** Runs `use` while something in the machine asks `url` again and again; the longest time without an answer, in milliseconds. */
export async function downtimeOf(lab: Machine, url: string, use: () => Promise<unknown>): Promise<number> {
  const asking = lab.run(["sh", "-c", ASK, "ask", url], { timeout: 100_000 });
  await sleep(300);
  try {
    await use();
    await sleep(300);
  } finally {
    await lab.run(["touch", "/run/asked-enough"]);
  }
  const { stdout } = await asking;
  await lab.run(["rm", "/run/asked-enough"]);
  const answers = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
  if (answers.length < 2) throw new Error(`${url} never answered`);
  return Math.max(...answers.slice(1).map((at, index) => at - (answers[index] ?? at)));
}

const ASK = `
while [ ! -e /run/asked-enough ]; do
  curl --silent --fail --max-time ${LIMIT / 1000} --output /dev/null "$1" && date +%s%3N
  sleep ${EVERY / 1000}
done`;
