/**
 * The power of a whole machine goes in the middle of install, update, rollback and uninstall, again and again, on one disk. What its disk
 * loses then, vm.ts says.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isLong, say } from "../support/crash.ts";
import { draw } from "../support/kill-points.ts";
import { type Change, drawChanges, type Installed, pageOf, runtimes } from "../support/lab/random-changes.ts";
import { virtualMachine } from "../support/lab/shared-machine.ts";
import { saidInside } from "../support/lab/virtual-machine.ts";
import { pageVersions } from "../support/lab/vm-images.ts";

const lab = virtualMachine();
const cuts = isLong ? 20 : 3;
const seed = Number(process.env["BERTH_SEED"] ?? Date.now() % 1_000_000);
/** Milliseconds after the first change has begun: a change takes five to fifteen seconds under emulation, more than half a minute on a busy host. */
const LATEST = 60_000;
const names = Object.keys(runtimes);

beforeAll(() => lab.output(["berth", "check", "--fix"]));

afterAll(async () => {
  await lab.run(["berth", "uninstall", ...names, "--purge"]);
  await lab.run(["berth", "rmi", ...pageVersions.map(pageOf)]);
});

test(
  `after each of ${cuts} power cuts the old or the new version runs, whole`,
  async () => {
    say(`power cuts: BERTH_SEED=${seed}`);
    const moments = draw(LATEST, { count: cuts, seed });
    let installed: Installed = {};
    let [interrupted, lost] = [0, 0];
    for (const [round, ms] of moments.entries()) {
      const changes = drawChanges(installed, { count: 12, seed: seed + round });
      await begin(round, changes);
      await sleep(ms);
      const bytes = await lab.cutPower();
      const { done, during } = progress(round, await lab.said());
      const recovery = await recoveryOfBoot();
      const seen = await observe();
      const expected = [changes[done - 1]?.after ?? installed, ...(during ? [changes[done]?.after] : [])];
      say(
        [
          `cut ${round + 1} at ${(ms / 1000).toFixed(1)} s, after ${done} changes`,
          ...(during ? [`during ${changes[done]?.argv.join(" ")}`] : []),
          `${Math.round(bytes / 1024)} KiB that were not flushed are lost`,
          `the boot: ${recovery ?? "nothing to recover"}`,
          `now ${JSON.stringify(versionsOf(seen))}`,
        ].join("; "),
      );
      expect(expected.map((each) => versionsOf(each ?? {}))).toContainEqual(versionsOf(seen));
      await expectWhole(seen);
      installed = seen;
      if (recovery !== undefined) interrupted += 1;
      if (bytes > 0) lost += 1;
    }
    say(`${cuts} power cuts: ${interrupted} recovered by the boot, ${lost} with writes that the disk lost`);
  },
  cuts * 300_000,
);

/** Starts the changes in the machine, and waits until the first is under way. */
async function begin(round: number, changes: readonly Change[]): Promise<void> {
  const steps = changes.map(({ argv }, at) => `step ${at} berth ${argv.join(" ")}`);
  await lab.output([
    "systemd-run",
    "--quiet",
    "--unit=changes",
    "--collect",
    "sh",
    "-c",
    STEPS(round, steps),
  ]);
  const begun = async (): Promise<boolean> => (await lab.said()).includes(`${round} begin 0`);
  await expect.poll(begun, { timeout: 60_000, interval: 100 }).toBe(true);
}

/** Says what it begins and what is done; it ends with the first failure. */
const STEPS = (round: number, steps: readonly string[]): string => `
exec 3>${saidInside}
step() {
  n=$1; shift
  echo "${round} begin $n" >&3
  if said=$("$@" 2>&1); then echo "${round} done $n" >&3; else echo "${round} failed $n:" $said >&3; exit 1; fi
}
${steps.join("\n")}`;

/** How many changes berth had reported as done, and whether one was under way. @throws when one failed */
function progress(round: number, said: readonly string[]): { done: number; during: boolean } {
  const ours = said.filter((line) => line.startsWith(`${round} `));
  const failed = ours.find((line) => line.startsWith(`${round} failed`));
  if (failed !== undefined) throw new Error(failed);
  const count = (word: string): number => ours.filter((line) => line.startsWith(`${round} ${word} `)).length;
  return { done: count("done"), during: count("begin") > count("done") };
}

/** What berth-recover.service said, where it had something to do. */
async function recoveryOfBoot(): Promise<string | undefined> {
  const show = async (property: string): Promise<string> =>
    lab.output(["systemctl", "show", "berth-recover", "--value", `--property=${property}`]);
  if ((await show("ConditionResult")) !== "yes") return undefined;
  expect([await show("Result"), await show("ExecMainStatus")]).toEqual(["success", "0"]);
  const log = await lab.output(["journalctl", "--boot", "--unit=berth-recover", "--output=cat"]);
  return log
    .split("\n")
    .filter((line) => / is (undone|finished)$/.test(line))
    .join(", ");
}

async function observe(): Promise<Installed> {
  const { containers } = await documentOf<{ containers: Listed[] }>("list");
  const seen: Record<string, { version: number; previous?: number | undefined }> = {};
  for (const { name, image, state } of containers) {
    expect(state).toMatch(/^(active|activating)$/);
    const { deployments } = await documentOf<{ deployments: Past[] }>("history", name);
    const previous = deployments.find((each) => each.previous);
    seen[name] = { version: versionOf(image), previous: previous && versionOf(previous.image) };
  }
  return seen;
}

interface Listed {
  name: string;
  image: string;
  state: string;
}

interface Past {
  image: string;
  previous: boolean;
}

/** What runs is what is recorded; nothing is damaged; nothing is left of what is not installed. */
async function expectWhole(seen: Installed): Promise<void> {
  for (const [name, { version }] of Object.entries(seen)) {
    const log = async (): Promise<string[]> =>
      (await lab.output(["journalctl", "--boot", `--unit=${name}`, "--output=cat"])).split("\n");
    await expect.poll(log, { timeout: 60_000, interval: 1000 }).toContain(`version ${version}`);
    expect(await lab.output(["systemctl", "is-active", name])).toBe("active");
    expect(await lab.output(["systemctl", "is-enabled", name])).toBe("enabled");
  }
  expect(await documentOf("recover")).toMatchObject({ recovered: [] });
  expect(await documentOf("verify")).toMatchObject({ clean: true, damaged: [] });
  const units = (await lab.output(["ls", "/etc/systemd/system"])).split("\n");
  expect(names.filter((name) => units.includes(`${name}.service`))).toEqual(Object.keys(seen).sort());
  const left = await lab.output([
    "find",
    "/var/lib/berth/containers",
    "-name",
    "*.tmp",
    "-o",
    "-name",
    "*.old",
  ]);
  expect(left).toBe("");
}

async function documentOf<T>(...argv: string[]): Promise<T> {
  return JSON.parse(await lab.output(["berth", ...argv, "--json"], { timeout: 180_000 })) as T;
}

function versionsOf(installed: Installed): Record<string, number> {
  const entries = Object.entries(installed).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, { version }]) => [name, version]));
}

function versionOf(image: string): number {
  return pageVersions.find((version) => pageOf(version) === image) ?? -1;
}
