// How long berth takes to start, beside `node -e 0`: npm run bench:startup [-- --runs N]
//
// The runs are taken in turn, so that a busy moment of the machine meets all commands alike; medians are compared. The
// machine should have nothing else to do: what else it does makes the ratios larger.
// `images` and `list` read a store and a state directory that are empty unless BERTH_STATE names one.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const first = fileURLToPath(new URL("../bin/berth.js", import.meta.url));
/** Words, and the most that they may take in units of `node -e 0`. */
const COMMANDS = [
  { name: "node -e 0", words: ["-e", "0"], limit: 1 },
  { name: "berth --version", words: [first, "--version"], limit: 1.2 },
  { name: "berth --help", words: [first, "--help"], limit: 1.8 },
  { name: "berth images", words: [first, "images"], limit: 1.8 },
  { name: "berth list", words: [first, "list"], limit: 2.6 },
];

const { values } = parseArgs({ options: { runs: { type: "string", default: "40" } } });
const state = process.env.BERTH_STATE ?? mkdtempSync(join(tmpdir(), "berth-bench-"));
const env = { ...process.env, BERTH_STATE: state };
const times = COMMANDS.map(() => []);
for (let round = -3; round < Number(values.runs); round += 1) {
  COMMANDS.forEach(({ name, words }, index) => {
    const begin = performance.now();
    const { status, stderr } = spawnSync(process.execPath, words, { env });
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    if (round >= 0) times[index].push(performance.now() - begin); // the first rounds fill the caches
  });
}
if (process.env.BERTH_STATE === undefined) rmSync(state, { recursive: true });

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const row = (cells) =>
  console.log(cells.map((cell, index) => (index ? cell.padStart(12) : cell.padEnd(18))).join(""));
row(["", "least ms", "median ms", "times", "at most"]);
COMMANDS.forEach(({ name, limit }, index) => {
  const ratio = median(times[index]) / median(times[0]);
  const [least, middle] = [Math.min(...times[index]), median(times[index])].map((time) => time.toFixed(1));
  row([name, least, middle, ratio.toFixed(2), limit.toFixed(1)]);
  if (ratio > limit) process.exitCode = 1;
});
