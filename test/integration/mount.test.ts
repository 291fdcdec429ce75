/** mount and unmount on a store of their own: what is seen, that nobody can write it, and what is left. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, execaSync } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readMountPoints } from "../../src/sys/mount-points.ts";
import { berthIn, documentOf, inCopy, killAtPoints } from "../support/crash.ts";
import { makeImage, type TestImage, writeLayout } from "../support/images.ts";
import { listingOf } from "../support/listing-of.ts";
import { canLoopMount } from "../support/loop-image.ts";

const NAME = "example.com/app:1";

let dir: string;
let root: string;
let at: string;
let image: TestImage;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-mount-"));
  image = await makeImage({
    layers: [
      {
        "bin/tool": { content: "tool", mode: 0o4755, uid: 7 },
        "etc/link": { type: "symlink" as const, linkname: "x" },
        gone: "below",
      },
      { ".wh.gone": "", more: "more\n" },
    ],
    config: { Entrypoint: ["/bin/tool"] },
  });
  await writeLayout(join(dir, "layout"), { 1: image });
  root = join(dir, "root");
  at = join(dir, "at");
  mkdirSync(root);
  mkdirSync(at);
  await documentOf(root, "pull", `oci:${join(dir, "layout")}:1`, "--as", NAME);
});

afterEach(async () => {
  for (const path of readMountPoints()
    .filter((each) => each.startsWith(`${dir}/`))
    .reverse())
    await execa("umount", [path]);
  await rm(dir, { recursive: true });
});

const scratch = (): string[] => readdirSync(join(root, "var/lib/berth/scratch"));

async function failureOf(...argv: string[]): Promise<{ code: string; message: string; status: number }> {
  const { status, stderr } = await berthIn(root, ...argv);
  return { ...(JSON.parse(stderr) as { error: { code: string; message: string } }).error, status };
}

describe.runIf(canLoopMount)("mount", () => {
  test("shows exactly the tree of an image, and unmount leaves nothing of it", async () => {
    expect(await documentOf(root, "mount", NAME, at)).toMatchObject({
      ...{ kind: "image", name: NAME, digest: image.digest, directory: at },
    });
    const paths = listingOf(at).map((line) => line.split(" ")[0]);
    expect(paths).toEqual([".", "/bin", "/bin/tool", "/etc", "/etc/link", "/more"]);
    expect(readFileSync(join(at, "more"), "utf8")).toBe("more\n");
    expect(await documentOf(root, "unmount", at)).toMatchObject({ directory: at });
    expect({ left: readdirSync(at), scratch: scratch() }).toEqual({ left: [], scratch: [] });
  });

  test("cannot be written to, run set-user-ID programs or open devices, whatever root does", async () => {
    await documentOf(root, "mount", NAME, at, "-o", "noexec,nosymfollow");
    expect(() => writeFileSync(join(at, "more"), "evil")).toThrow("EROFS");
    const { stdout } = await execa("findmnt", ["--noheadings", "--output", "VFS-OPTIONS", at]);
    expect(stdout.split(",")).toEqual(expect.arrayContaining(["ro", "nosuid", "nodev", "noexec"]));
    expect(await documentOf(root, "verify")).toMatchObject({ clean: true });
  });

  test("shows a container's current deployment, which an update then keeps", async () => {
    await documentOf(root, "install", NAME, "--name", "app", "--runtime", "systemd");
    expect(await documentOf(root, "mount", "app", at, "--shared")).toMatchObject({
      ...{ kind: "container", name: "app", deployment: 0 },
    });
    expect(readdirSync(at)).toContain("proc");
    for (const value of ["A=1", "A=2", "A=3"])
      await documentOf(root, "update", "app", "--no-pull", "--set", value);
    expect(readFileSync(join(at, "more"), "utf8")).toBe("more\n");
    await documentOf(root, "umount", at);
    expect(readdirSync(at)).toEqual([]);
  });

  test("prune and rmi leave alone what is mounted; what umount(8) took away goes with the next prune", async () => {
    await documentOf(root, "mount", NAME, at);
    await documentOf(root, "rmi", NAME);
    await documentOf(root, "prune");
    expect(readFileSync(join(at, "more"), "utf8")).toBe("more\n");
    await execa("umount", [at]);
    expect(scratch()).toHaveLength(2);
    await documentOf(root, "prune");
    expect(scratch()).toEqual([]);
  });

  test("that is seen by another mount namespace alone is kept", async () => {
    await documentOf(root, "mount", NAME, at);
    const other = execa("unshare", ["--mount", "sh", "-c", "echo ready; read _"], { buffer: false });
    await new Promise((resolve) => other.stdout.once("data", resolve));
    await documentOf(root, "unmount", at);
    expect(scratch()).toHaveLength(2);
    other.stdin.end("\n");
    await other;
    await documentOf(root, "recover");
    expect(scratch()).toEqual([]);
  });

  test.each([
    [["--live"], 2, "Containers and images managed through OSTree do not support --live."],
    [["-o", "rw"], 2, "-o rw: a mount is read-only"],
    [["-o", "noexec,size=1"], 2, "-o size=1: this is no option of such a mount"],
  ])("with %j is refused", async (options, status, message) => {
    const failure = await failureOf("mount", ...options, NAME, at);
    expect(failure).toMatchObject({
      code: "USAGE",
      status,
      message: expect.stringContaining(message) as string,
    });
  });

  test("refuses a directory that holds something, is not there, or shows something already", async () => {
    const full = { code: "HOST_FILE_CONFLICT", message: "The destination path is not empty." };
    expect(await failureOf("mount", NAME, dir)).toMatchObject(full);
    expect(await failureOf("mount", NAME, join(dir, "absent"))).toMatchObject({ code: "USAGE" });
    await documentOf(root, "mount", NAME, at);
    expect(await failureOf("mount", NAME, at)).toMatchObject(full);
    expect(await failureOf("mount", "nothing", join(dir, "layout"))).toMatchObject(full);
  });

  test("unmount refuses what is not berth's, and what is in use", async () => {
    expect(await failureOf("unmount", at)).toMatchObject({ code: "NOT_MOUNTED" });
    await execa("mount", ["--bind", join(dir, "layout"), at]);
    expect(await failureOf("unmount", at)).toMatchObject({ code: "NOT_MOUNTED" });
    await execa("umount", [at]);
    await documentOf(root, "mount", NAME, at);
    const user = execa("sleep", ["60"], { cwd: at, reject: false });
    expect(await failureOf("unmount", at)).toMatchObject({ code: "BUSY", message: `${at} is in use` });
    user.kill();
    await user;
    await documentOf(root, "unmount", at);
  });

  test("where the state is a directory of another file system, mounted there", async () => {
    const bound = join(dir, "bound");
    mkdirSync(join(bound, "var"), { recursive: true });
    await execa("mount", ["--bind", join(root, "var"), join(bound, "var")]);
    await documentOf(bound, "mount", NAME, at);
    await documentOf(bound, "prune");
    expect(readFileSync(join(at, "more"), "utf8")).toBe("more\n");
    await documentOf(bound, "unmount", at);
    expect(scratch()).toEqual([]);
  });

  test("that is killed leaves what the next prune removes, or a mount", async () => {
    const seen = await inCopy(root, (base) =>
      killAtPoints(
        {
          base,
          argv: ["mount", NAME, at],
          async check(killed) {
            const place = join(killed, "var/lib/berth/scratch");
            if (readMountPoints().includes(at)) await documentOf(killed, "unmount", at);
            else await documentOf(killed, "prune");
            expect(existsSync(place) ? readdirSync(place) : []).toEqual([]);
            expect(await documentOf(killed, "verify")).toMatchObject({ clean: true });
          },
        },
        (length) => {
          execaSync("umount", [at]); // of the run that counted them
          return [1, 2, 3, Math.floor(length / 2), length - 1, length];
        },
      ),
    );
    expect(seen.killed).toBeGreaterThan(3);
  });
});
