/** SIGKILL in the middle of commands: at every state-changing system call of theirs, or a sample in the short form. */
import { existsSync, mkdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  berthIn,
  documentOf,
  inCopy,
  isLong,
  killAtPoints,
  requireListed,
  say,
  stateOf,
} from "../support/crash.ts";
import { makeImage, type TestFiles, writeLayout } from "../support/images.ts";
import { draw, sample } from "../support/kill-points.ts";
import { noise } from "../support/raw-image.ts";

const NAME = "example.com/team/app:1";
const FILES: TestFiles = {
  "etc/passwd": "root:x:0:0\n",
  "bin/tool": { content: "tool", mode: 0o755 },
  "etc/link": { type: "symlink", linkname: "passwd" },
  "etc/empty": "",
  "data/first": "of the image",
};

let dir: string;
let digests: { old: string; new: string; big: string };
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-crashes-"));
  const config = { Entrypoint: ["/bin/tool"], Volumes: { "/data": {} } };
  const old = await makeImage({ layers: [FILES], config });
  const next = await makeImage({ layers: [FILES, { "etc/more": "more\n", "etc/.wh.link": "" }], config });
  const many: TestFiles = Object.fromEntries(
    Array.from({ length: 60 }, (_, at) => [`usr/${at % 7}/${at}`, noise(100 + 3000 * (at % 5), String(at))]),
  );
  const big = await makeImage({
    layers: [FILES, many, { large: noise(3_000_000, "large"), "usr/1/.wh.1": "" }],
  });
  await writeLayout(join(dir, "layout"), { old, new: next, big });
  digests = { old: old.digest, new: next.digest, big: big.digest };
  mkdirSync(join(dir, "empty"));
  await inCopy(join(dir, "empty"), async (root) => {
    await pull(root, "old");
    await copyTo(root, "pulled");
    await install(root);
    await copyTo(root, "installed");
    await writeFile(join(root, "var/lib/app/data/kept"), "of the service");
    await documentOf(root, "uninstall", "app");
    await copyTo(root, "kept");
  });
}, 60_000);
afterAll(async () => {
  await rm(dir, { recursive: true });
});

const layout = (tag: string): string => `oci:${join(dir, "layout")}:${tag}`;
const pullWords = (tag: string): string[] => ["pull", layout(tag), "--as", NAME];
const pull = (root: string, tag: string): Promise<unknown> => documentOf(root, ...pullWords(tag));
const INSTALL = ["install", NAME, "--runtime", "systemd", "--name", "app", "--set", "key=value"];
const install = (root: string): Promise<unknown> => documentOf(root, ...INSTALL);
const copyTo = async (root: string, name: string): Promise<void> => {
  const { execa } = await import("execa");
  await execa("cp", ["-a", root, join(dir, name)]);
};

async function expectClean(root: string): Promise<void> {
  const { stdout, stderr } = await berthIn(root, "verify");
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({ clean: true, damaged: [] });
}

async function digestOf(root: string): Promise<string | undefined> {
  const { images } = await documentOf<{ images: { name: string; digest: string }[] }>(root, "images");
  return images.find(({ name }) => name === NAME)?.digest;
}

/** What is on the disk after these commands, undisturbed. */
async function stateAfter(base: string, ...commands: string[][]): Promise<string[]> {
  return inCopy(join(dir, base), async (root) => {
    for (const command of commands) await documentOf(root, ...command);
    return stateOf(root);
  });
}

/** All points in the long form, `count` of them in the short one. */
const pointsOf =
  (count: number) =>
  (length: number): number[] =>
    sample(length, isLong ? length : count);

const LONG = 1_800_000;

describe("a pull that is killed", () => {
  test.each([
    ["empty", "old", 9],
    ["pulled", "new", 8],
  ] as const)(
    "on a store that is %s leaves the old image or the new one, whole",
    async (base, tag, count) => {
      const after = await stateAfter(base, pullWords(tag), ["prune"]);
      const before = base === "empty" ? undefined : digests.old;
      const result = await killAtPoints(
        {
          base: join(dir, base),
          argv: pullWords(tag),
          async check(root) {
            await expectClean(root);
            expect([before, digests[tag]]).toContain(await digestOf(root));
            await pull(root, tag);
            expect(await digestOf(root)).toBe(digests[tag]);
            await expectClean(root);
            await documentOf(root, "prune");
            expect(stateOf(root)).toEqual(after);
          },
        },
        pointsOf(count),
      );
      say(`pull of "${tag}" on "${base}": killed at ${result.killed} of ${result.calls} calls`);
      expect(result.late).toBeLessThanOrEqual(2);
    },
    LONG,
  );

  test(
    "leaves nothing behind that a prune does not remove",
    async () => {
      const after = await stateAfter("pulled", ["prune"]);
      const result = await killAtPoints(
        {
          base: join(dir, "pulled"),
          argv: pullWords("big"),
          async check(root) {
            await expectClean(root);
            await pull(root, "old");
            await documentOf(root, "prune");
            expect(stateOf(root)).toEqual(after);
          },
        },
        isLong
          ? (length) => {
              const seed = Number(process.env["BERTH_SEED"] ?? Date.now() % 1_000_000);
              say(`200 of ${length} points, BERTH_SEED=${seed}`);
              return draw(length, { count: 200, seed });
            }
          : (length) => sample(length, 4),
      );
      say(`pull of "big": killed at ${result.killed} of ${result.calls} calls`);
    },
    LONG,
  );
});

describe("--root", () => {
  test(
    "an install that is killed is undone, or was done",
    async () => {
      const [before, after] = [await stateAfter("pulled"), await stateAfter("pulled", INSTALL)];
      const result = await killAtPoints(
        {
          base: join(dir, "pulled"),
          argv: INSTALL,
          async check(root) {
            await expectClean(root);
            await requireListed(root, "app");
            await documentOf(root, "recover");
            const { containers } = await documentOf<{ containers: object[] }>(root, "list");
            expect(withoutDirectories(stateOf(root))).toEqual(
              withoutDirectories(containers.length === 0 ? before : after),
            );
            if (containers.length === 0) await install(root);
            expect(stateOf(root)).toEqual(after);
            await expectClean(root);
          },
        },
        pointsOf(9),
      );
      say(`install: killed at ${result.killed} of ${result.calls} calls`);
    },
    LONG,
  );

  test(
    "an install that is killed gives way to the next one, without a recover",
    async () => {
      const after = await stateAfter("pulled", INSTALL);
      await killAtPoints(
        {
          base: join(dir, "pulled"),
          argv: INSTALL,
          async check(root) {
            const { status, stderr } = await berthIn(root, ...INSTALL);
            if (status !== 0) expect(stderr).toContain("NAME_TAKEN");
            expect(stateOf(root)).toEqual(after);
          },
        },
        isLong ? pointsOf(0) : (length) => sample(length, 3),
      );
    },
    LONG,
  );

  test(
    "an install that is killed does not lose what an uninstall kept, nor the word that it is its own",
    async () => {
      const after = await stateAfter("kept", INSTALL);
      await killAtPoints(
        {
          base: join(dir, "kept"),
          argv: INSTALL,
          async check(root) {
            await documentOf(root, "recover");
            const { containers } = await documentOf<{ containers: object[] }>(root, "list");
            if (containers.length === 0) await install(root);
            expect(await readFile(join(root, "var/lib/app/data/kept"), "utf8")).toBe("of the service");
            expect(stateOf(root)).toEqual(after);
          },
        },
        pointsOf(7),
      );
    },
    LONG,
  );

  test(
    "an uninstall --purge that is killed leaves neither data without a record nor a record without data",
    async () => {
      const after = await stateAfter("installed", ["uninstall", "app", "--purge"]);
      await killAtPoints(
        {
          base: join(dir, "installed"),
          argv: ["uninstall", "app", "--purge"],
          async check(root) {
            await documentOf(root, "recover");
            const { containers } = await documentOf<{ containers: object[] }>(root, "list");
            if (containers.length > 0) await documentOf(root, "uninstall", "app", "--purge");
            expect(withoutDirectories(stateOf(root))).toEqual(withoutDirectories(after));
            await install(root);
          },
        },
        pointsOf(6),
      );
    },
    LONG,
  );

  test(
    "an uninstall that is killed is finished, or was not begun",
    async () => {
      const [before, after] = [
        await stateAfter("installed"),
        await stateAfter("installed", ["uninstall", "app"]),
      ];
      const result = await killAtPoints(
        {
          base: join(dir, "installed"),
          argv: ["uninstall", "app"],
          async check(root) {
            await requireListed(root, "app");
            await documentOf(root, "recover");
            const { containers } = await documentOf<{ containers: object[] }>(root, "list");
            const reached = containers.length === 0 ? after : before;
            expect(withoutDirectories(stateOf(root))).toEqual(withoutDirectories(reached));
            await expectClean(root);
            if (containers.length > 0) await documentOf(root, "uninstall", "app");
            expect(withoutDirectories(stateOf(root))).toEqual(withoutDirectories(after));
            expect(existsSync(join(root, "etc/systemd/system/app.service"))).toBe(false);
          },
        },
        pointsOf(6),
      );
      say(`uninstall: killed at ${result.killed} of ${result.calls} calls`);
    },
    LONG,
  );
});

describe("an uninstall that is killed", () => {
  test(
    "is finished by the next one, without a recover",
    async () => {
      const after = withoutDirectories(await stateAfter("installed", ["uninstall", "app", "--purge"]));
      const result = await killAtPoints(
        {
          base: join(dir, "installed"),
          argv: ["uninstall", "app", "--purge"],
          async check(root) {
            await requireListed(root, "app");
            const { status, stderr } = await berthIn(root, "uninstall", "app", "--purge");
            if (status !== 0) expect(stderr).toContain("NOT_INSTALLED");
            await documentOf(root, "recover"); // what was only to be emptied
            expect(withoutDirectories(stateOf(root))).toEqual(after);
          },
        },
        isLong ? pointsOf(0) : (length) => sample(length, 4),
      );
      say(`uninstall, then again: killed at ${result.killed} of ${result.calls} calls`);
    },
    LONG,
  );
});

/** Directories on the way to a file of the host may stay, empty. */
function withoutDirectories(lines: string[]): string[] {
  return lines.filter((line) => !/^\S+ 4 /.test(line) || /\/containers\/(?!\.state )/.test(line));
}
