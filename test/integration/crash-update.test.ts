/** SIGKILL in the middle of update, rollback and uninstall: what is there in the end is the old or the new, whole. */
import { mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { documentOf, inCopy, isLong, killAtPoints, requireListed, say, stateOf } from "../support/crash.ts";
import { makeImage, type TestFiles, writeLayout } from "../support/images.ts";
import { draw, sample } from "../support/kill-points.ts";

const NAME = "example.com/team/app:1";
const FILES: TestFiles = { "etc/passwd": "root:x:0:0\n", "bin/tool": { content: "tool", mode: 0o755 } };
const LONG = 1_800_000;
/** Of the 300 random points that the long form adds, those of one command. */
const DRAWN = 60;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-crash-update-"));
  const config = { Entrypoint: ["/bin/tool"], Volumes: { "/data": {} } };
  const old = await makeImage({ layers: [FILES], config });
  const next = await makeImage({ layers: [FILES, { "etc/more": "more\n" }], config });
  await writeLayout(join(dir, "layout"), { old, next });
  mkdirSync(join(dir, "empty"));
  await inCopy(join(dir, "empty"), async (root) => {
    await pull(root, "old");
    await documentOf(root, "install", NAME, "--runtime", "systemd", "--name", "app");
    await pull(root, "next");
    await execa("cp", ["-a", root, join(dir, "once")]);
    await documentOf(root, "update", "app", "--no-pull");
    await execa("cp", ["-a", root, join(dir, "twice")]);
    await documentOf(root, "update", "app", "--no-pull", "--set", "key=1", "--stage-only");
    await execa("cp", ["-a", root, join(dir, "staged")]);
  });
}, 60_000);
afterAll(async () => {
  await rm(dir, { recursive: true });
});

const pull = (root: string, tag: string): Promise<unknown> =>
  documentOf(root, "pull", `oci:${join(dir, "layout")}:${tag}`, "--as", NAME);

/** Without what waits to be removed by the next command on the container. */
const withoutLeftovers = (root: string): string[] =>
  stateOf(root).filter((line) => !/\/app\.\d+\.(old|tmp)[ /]/.test(line));

async function isInstalled(root: string): Promise<boolean> {
  const { containers } = await documentOf<{ containers: { name: string }[] }>(root, "list");
  return containers.some(({ name }) => name === "app");
}

test.each<[what: string, base: string, argv: string[], again: string[], count: number]>([
  ["an update to a new image", "once", ["update", "app", "--no-pull"], [], 9],
  [
    "an update that takes the number of another deployment",
    "twice",
    ["update", "app", "--no-pull", "--set", "key=1"],
    [],
    9,
  ],
  ["an update that applies what was staged", "staged", ["update", "app", "--apply"], [], 5],
  ["a rollback", "twice", ["rollback", "app"], ["rollback", "app"], 7],
  ["an uninstall", "twice", ["uninstall", "app", "--purge"], [], 6],
])(
  "%s that is killed leaves the old or the new, and can be done again",
  async (what, base, argv, again, count) => {
    const before = withoutLeftovers(join(dir, base));
    const after = await inCopy(join(dir, base), async (root) => {
      await documentOf(root, ...argv);
      return stateOf(root);
    });
    const result = await killAtPoints(
      {
        base: join(dir, base),
        argv,
        async check(root) {
          await requireListed(root, "app");
          await documentOf(root, "recover");
          await requireListed(root, "app");
          const state = withoutLeftovers(root);
          const isDone = JSON.stringify(state) === JSON.stringify(after);
          if (!isDone) expect(state).toEqual(before);
          if (!isDone) await documentOf(root, ...argv);
          else if (again.length === 0 && (await isInstalled(root)))
            await documentOf(root, "update", "app", "--no-pull");
          expect(stateOf(root)).toEqual(after);
        },
      },
      pointsOf(what, count),
    );
    say(`${what}: killed at ${result.killed} of ${result.calls} calls`);
  },
  LONG,
);

/** A sample; in the long form every point, and some once more by chance. */
function pointsOf(what: string, count: number): (length: number) => number[] {
  if (!isLong) return (length) => sample(length, count);
  const seed = Number(process.env["BERTH_SEED"] ?? Date.now() % 1_000_000);
  say(`${what}: ${DRAWN} more points, BERTH_SEED=${seed}`);
  return (length) => [...sample(length, length), ...draw(length, { count: DRAWN, seed })];
}
