/** Power cuts: a file system stops in the middle of the work, and is mounted again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { berthIn, documentOf, isLong, say } from "../support/crash.ts";
import { makeImage, type TestFiles, writeLayout } from "../support/images.ts";
import { draw } from "../support/kill-points.ts";
import { canLoopMount, type LoopImage, makeLoopImage } from "../support/loop-image.ts";
import { noise } from "../support/raw-image.ts";

const TAGS = ["one", "two", "three"];

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-cuts-"));
  const config = { Entrypoint: ["/bin/tool"] };
  const shared: TestFiles = { "bin/tool": { content: noise(50_000, "tool"), mode: 0o755 } };
  const images = await Promise.all(
    TAGS.map((tag) => makeImage({ config, layers: [shared, filesOf(tag), { [tag]: `${tag}\n` }] })),
  );
  await writeLayout(
    join(dir, "layout"),
    Object.fromEntries(TAGS.map((tag, at) => [tag, images[at] as (typeof images)[number]])),
  );
});
afterAll(() => rm(dir, { recursive: true }));

function filesOf(tag: string): TestFiles {
  return Object.fromEntries(
    Array.from({ length: 30 }, (_, at) => [
      `usr/${at % 4}/${at}`,
      noise(500 * (at + 1), at % 2 ? tag : "all"),
    ]),
  );
}

const seed = Number(process.env["BERTH_SEED"] ?? Date.now() % 1_000_000);

test.runIf(canLoopMount).each(["ext4", "xfs"] as const)(
  "after a power cut on %s all that was acknowledged is there, and what is there is whole",
  async (type) => {
    const cuts = isLong ? 20 : 2;
    say(`power cuts on ${type}: BERTH_SEED=${seed}`);
    await using disk = await makeLoopImage(join(dir, type), { type, megabytes: type === "xfs" ? 320 : 64 });
    let acknowledged = 0;
    for (const [round, ms] of draw(3000, { count: cuts, seed }).entries()) {
      const root = join(disk.dir, `root-${round}`);
      mkdirSync(root);
      const said = await cutAfter(disk, root, 1000 + ms);
      acknowledged += said.length;
      if (!existsSync(root)) {
        expect(said).toEqual([]);
        continue;
      }
      await documentOf(root, "recover");
      await expectHeld(root, said);
      await documentOf(root, "prune");
      await expectHeld(root, said);
      const next = ["install", `oci:${join(dir, "layout")}:one`, "--name", "next", "--runtime", "systemd"];
      await documentOf(root, ...next);
      await rm(root, { recursive: true });
    }
    say(`${cuts} power cuts on ${type}, ${acknowledged} acknowledged changes`);
    expect(acknowledged).toBeGreaterThan(0);
  },
  600_000,
);

/** Lets the writer work for `ms` after its first word, cuts the file system off, mounts it again, and gives what the writer had said. */
async function cutAfter(disk: LoopImage, root: string, ms: number): Promise<string[]> {
  const program = join(import.meta.dirname, "../support/writer-main.ts");
  const writer: ChildProcess = spawn(process.execPath, [program, root, join(dir, "layout"), ...TAGS], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  writer.stdout?.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  const ended = once(writer, "close");
  await Promise.race([once(writer.stdout ?? writer, "data"), ended]);
  await sleep(ms);
  const control = join(disk.dir, "control");
  writeFileSync(control, "not synced");
  disk.cutOff();
  await sleep(20);
  writer.kill("SIGKILL");
  await ended;
  await disk.remount();
  // The cut is a real one: what nobody synced is lost.
  expect(existsSync(control) ? readFileSync(control, "utf8") : "").toBe("");
  rmSync(control, { force: true });
  return text.split("\n").slice(0, -1);
}

/** The last word on each name holds; the one that was under way when the power went may have come to pass or not. */
async function expectHeld(root: string, said: string[]): Promise<void> {
  const { stdout } = await berthIn(root, "verify");
  expect(JSON.parse(stdout)).toMatchObject({ clean: true, damaged: [] });
  const { images } = await documentOf<{ images: { name: string }[] }>(root, "images");
  const { containers } = await documentOf<{ containers: { name: string; state: string }[] }>(root, "list");
  const names = new Set(images.map(({ name }) => name));
  const installed = new Map(containers.map(({ name, state }) => [name, state]));
  const last = said.filter((line) => !line.startsWith("pruned")).at(-1) ?? "";
  for (const line of said) {
    const [word = "", name = ""] = line.split(" ");
    if (word === "pulled") expect(names).toContain(name);
    if (word !== "installed" || said.includes(`uninstalled ${name}`)) continue;
    // An uninstall may have been under way.
    const mayBeGone = last === `installed app-${Number(name.slice(4)) + 1}`;
    if (!mayBeGone) expect([...installed.keys()]).toContain(name);
    if (installed.has(name)) {
      expect(installed.get(name)).not.toBe("broken");
      expect(existsSync(join(root, `etc/systemd/system/${name}.service`))).toBe(true);
    }
  }
  for (const line of said)
    if (line.startsWith("uninstalled")) expect(installed.has(line.split(" ")[1] ?? "")).toBe(false);
}
