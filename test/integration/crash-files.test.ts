/** SIGKILL while an image's files come to the host, change and go: what is there in the end is the old or the new, whole. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { documentOf, inCopy, isLong, killAtPoints, say, stateOf } from "../support/crash.ts";
import { makeImage, type TestFiles, writeLayout } from "../support/images.ts";
import { sample } from "../support/kill-points.ts";

const NAME = "example.com/team/app:1";
const LONG = 1_800_000;
const INSTALL = ["install", NAME, "--runtime", "systemd", "--name", "app"];

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-crash-files-"));
  const old = await image({
    "etc/app/changes.conf": "one $NAME\n",
    "etc/app/goes.conf": { content: "goes\n", mode: 0o600, uid: 3 },
    "etc/app/edited.conf": "edited\n",
    "etc/app/deleted.conf": "deleted\n",
    "etc/app/both.conf": "both\n",
    "usr/lib/app/tool": { content: "tool one", mode: 0o755 },
    "usr/lib/app/link": { type: "symlink", linkname: "tool" },
    "var/app/empty/": { mode: 0o2770, uid: 7 },
  });
  const next = await image({
    "etc/app/changes.conf": "two $NAME\n",
    "etc/app/edited.conf": "edited, two\n",
    "etc/app/deleted.conf": "deleted, two\n",
    "etc/app/both.conf": "both\n",
    "etc/app/new/comes.conf": { content: "comes\n", uid: 4 },
    "usr/lib/app/tool": { content: "tool two", mode: 0o755 },
    "usr/lib/app/link": { type: "symlink", linkname: "other" },
  });
  await writeLayout(join(dir, "layout"), { old, next });
  // Where it is missing, berth's own files may make it too: it stays then, and is not counted among the image's.
  mkdirSync(join(dir, "empty/etc"), { recursive: true });
  await inCopy(join(dir, "empty"), async (root) => {
    await pull(root, "old");
    await keep(root, "pulled");
    await documentOf(root, ...INSTALL);
    await keep(root, "installed");
    writeFileSync(join(root, "etc/app/edited.conf"), "by hand\n");
    rmSync(join(root, "etc/app/deleted.conf"));
    await pull(root, "next");
    await keep(root, "once");
    await documentOf(root, "update", "app", "--no-pull");
    await keep(root, "twice");
  });
}, 60_000);
afterAll(async () => {
  await rm(dir, { recursive: true });
});

async function image(hostfs: Record<string, Exclude<TestFiles, unknown[]>[string]>) {
  const files = Object.entries(hostfs).map(([path, file]) => [`exports/hostfs/${path}`, file] as const);
  const manifest = { installedFilesTemplate: ["/etc/app/changes.conf"] };
  return makeImage({
    files: {
      "bin/app": { content: "app", mode: 0o755 },
      "exports/": {},
      "exports/manifest.json": JSON.stringify(manifest),
      ...Object.fromEntries(files),
    },
    config: { Cmd: ["/bin/app"] },
  });
}

const pull = (root: string, tag: string): Promise<unknown> =>
  documentOf(root, "pull", `oci:${join(dir, "layout")}:${tag}`, "--as", NAME);

const keep = (root: string, name: string): Promise<unknown> => execa("cp", ["-a", root, join(dir, name)]);

/** Without what waits to be removed by the next command on the container. */
const withoutLeftovers = (root: string): string[] =>
  stateOf(root).filter((line) => !/\/app\.\d+\.(old|tmp)[ /]/.test(line));

/** Directories on the way to berth's own files may stay, empty; those of the image's files may not. */
const withoutOwn = (lines: string[]): string[] =>
  lines.filter(
    (line) => !/^\/(etc(\/systemd\S*|\/tmpfiles\S*|\/sysusers\S*)?|var|var\/lib\S*) 4 /.test(line),
  );

test.each<[what: string, base: string, argv: string[], again: string[], count: number]>([
  ["an install", "pulled", INSTALL, [], 10],
  ["an update", "once", ["update", "app", "--no-pull"], [], 14],
  ["a rollback", "twice", ["rollback", "app"], ["rollback", "app"], 8],
  ["an uninstall", "once", ["uninstall", "app"], [], 8],
  ["an uninstall --purge", "twice", ["uninstall", "app", "--purge"], [], 5],
])(
  "%s that is killed leaves the old files or the new ones, and can be done again",
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
          await documentOf(root, "recover");
          const state = withoutOwn(withoutLeftovers(root));
          const isDone = JSON.stringify(state) === JSON.stringify(withoutOwn(after));
          if (!isDone) expect(state.filter(isLasting)).toEqual(withoutOwn(before).filter(isLasting));
          if (!isDone) await documentOf(root, ...argv);
          else if (again.length > 0) for (const _ of [1, 2]) await documentOf(root, ...again);
          expect(withoutOwn(stateOf(root))).toEqual(withoutOwn(after));
        },
      },
      (length) => sample(length, isLong ? length : count),
    );
    say(`${what} of host files: killed at ${result.killed} of ${result.calls} calls`);
  },
  LONG,
);

/** A command makes these where they are missing, and they stay. */
function isLasting(line: string): boolean {
  return !/\/\.(lock|journal) 4 /.test(line);
}
