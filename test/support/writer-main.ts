/**
 * Installs and uninstalls without end on an offline tree, and says what is done as it is done, one word and one name a line: what was said must hold
 * whatever happens then.
 *
 *   writer-main.ts ROOT LAYOUT TAG...
 */
import { writeSync } from "node:fs";
import { berthIn } from "./crash.ts";

const [root = "", layout = "", ...tags] = process.argv.slice(2);

for (let round = 0; ; round++) {
  const name = `app-${round}`;
  const image = `example.com/${name}:1`;
  await step("pulled", image, ["pull", `oci:${layout}:${tags[round % tags.length]}`, "--as", image]);
  await step("installed", name, ["install", image, "--name", name, "--runtime", "systemd"]);
  if (round % 3 === 2) await step("uninstalled", `app-${round - 1}`, ["uninstall", `app-${round - 1}`]);
  if (round % 4 === 3) await step("pruned", "all", ["prune"]);
}

async function step(done: string, name: string, argv: string[]): Promise<void> {
  const { status } = await berthIn(root, ...argv);
  if (status !== 0) process.exit(0); // the disk is gone
  writeSync(1, `${done} ${name}\n`);
}
