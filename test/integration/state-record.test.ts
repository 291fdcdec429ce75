/** Whose state a directory of the host is: an image's name and volumes do not decide it. */
import { existsSync } from "node:fs";
import { chmod, lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Berth } from "../support/berth.ts";
import { makeImage, type TestFiles, writeLayout } from "../support/images.ts";
import { openOfflineTree } from "../support/offline-tree.ts";

let berth: Berth;
let root: string;

beforeEach(async () => {
  ({ root, berth } = await openOfflineTree());
});

const inRoot = (path: string): string => join(root, path);

async function layout(
  name: string,
  { volumes, files = {} }: { volumes: string[]; files?: TestFiles },
): Promise<string> {
  const image = await makeImage({
    files: { "bin/app": { content: "app", mode: 0o755 }, ...files },
    config: { Cmd: ["/bin/app"], Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) },
  });
  await writeLayout(berth.path(name), { latest: image });
  return `oci:${berth.path(name)}:latest`;
}

const succeed = (...argv: string[]): Promise<string> => berth.succeed(...argv);

async function refused(...argv: string[]): Promise<{ code: string; message: string; hint: string }> {
  const { status, stderr } = await berth.run("--json", ...argv);
  expect(status).toBe(1);
  return JSON.parse(stderr).error;
}

const record = (): string => berth.path("state/containers/.state/dpkg.json");

describe("a directory of the host that an image's name and volume lead to", () => {
  beforeEach(async () => {
    await mkdir(inRoot("var/lib/dpkg/info"), { recursive: true });
    await writeFile(inRoot("var/lib/dpkg/info/bash.list"), "/bin/bash");
  });

  test("is refused and named, also in a dry run, and nothing is left", async () => {
    const image = await layout("dpkg", { volumes: ["/info"] });
    for (const more of [[], ["--dry-run"]]) {
      const { code, message, hint } = await refused("install", image, "--name", "dpkg", ...more);
      expect({ code, hint }).toEqual({
        code: "HOST_FILE_CONFLICT",
        hint: expect.stringContaining("--adopt-state"),
      });
      expect(message).toContain(inRoot("var/lib/dpkg/info"));
    }
    expect(existsSync(record())).toBe(false);
    expect(await readdir(berth.path("state/containers"))).not.toContain("dpkg.0");
  });

  test("is refused to an update whose image has the volume, and the container stays as it was", async () => {
    await succeed("install", await layout("one", { volumes: ["/data"] }), "--name", "dpkg");
    const next = await layout("two", { volumes: ["/data", "/info"] });
    const { code, message } = await refused("update", "dpkg", "--rebase", next);
    expect({ code, message }).toMatchObject({
      code: "HOST_FILE_CONFLICT",
      message: expect.stringContaining("info"),
    });
    expect(await succeed("list")).toContain("one");
  });

  test("is the container's by the admin's word, until a purge", async () => {
    const image = await layout("dpkg", { volumes: ["/info"] });
    await succeed("install", image, "--name", "dpkg", "--adopt-state");
    expect(JSON.parse(await readFile(record(), "utf8"))).toMatchObject({
      directories: ["/var/lib/dpkg/info"],
    });
    const info = JSON.parse(await readFile(berth.path("state/containers/dpkg.0/info"), "utf8"));
    expect(info.berth.request).not.toHaveProperty("adoptState");
    await succeed("uninstall", "dpkg");
    await succeed("install", image, "--name", "dpkg");
    expect(await readFile(inRoot("var/lib/dpkg/info/bash.list"), "utf8")).toBe("/bin/bash");
    await succeed("uninstall", "dpkg", "--purge");
    expect(existsSync(inRoot("var/lib/dpkg/info"))).toBe(false);
    expect(existsSync(record())).toBe(false);
  });

  test("that an undone install was to have is not on record after it", async () => {
    const image = await layout("dpkg", { volumes: ["/info"] });
    await succeed("install", image, "--name", "dpkg", "--adopt-state");
    const hostFiles = ["/etc/systemd/system/dpkg.service", "/etc/tmpfiles.d/dpkg.conf"];
    const intent = { schema: 1, action: "install", name: "dpkg", hostFiles, state: [], emptied: [] };
    const journal = berth.path("state/containers/.journal/dpkg.json");
    await writeFile(journal, JSON.stringify({ ...intent, forgotten: ["/var/lib/dpkg/info"] }));
    await succeed("recover");
    expect(existsSync(inRoot("var/lib/dpkg/info/bash.list"))).toBe(true);
    expect((await refused("install", image, "--name", "dpkg")).code).toBe("HOST_FILE_CONFLICT");
  });
});

describe("state that an install made", () => {
  test("is found by the next install, changed as the service changed it", async () => {
    const image = await layout("app", { volumes: ["/data"], files: { "data/first": "of the image" } });
    await succeed("install", image, "--name", "app");
    await writeFile(inRoot("var/lib/app/data/first"), "of the service");
    await succeed("uninstall", "app");
    await succeed("install", image, "--name", "app");
    expect(await readFile(inRoot("var/lib/app/data/first"), "utf8")).toBe("of the service");
  });

  test("lies where root alone comes, and holds nothing that gives rights", async () => {
    const image = await layout("app", {
      volumes: ["/data"],
      files: {
        "data/sub/": { mode: 0o2775 },
        "data/sub/tool": { content: "tool", mode: 0o6755 },
        "data/sub/plain": { content: "plain", mode: 0o640 },
      },
    });
    await succeed("install", image, "--name", "app");
    const mode = async (path: string): Promise<string> =>
      ((await lstat(inRoot(path))).mode & 0o7777).toString(8);
    expect(await mode("var/lib")).toBe("755");
    expect(await mode("var/lib/app")).toBe("700");
    expect(await mode("var/lib/app/data/sub")).toBe("2775");
    expect(await mode("var/lib/app/data/sub/tool")).toBe("755");
    expect(await mode("var/lib/app/data/sub/plain")).toBe("640");
    expect(await readdir(inRoot("var/lib/app"))).toEqual(["data"]);
  });

  test("lies as openly as the admin made it", async () => {
    const image = await layout("app", { volumes: ["/data"] });
    await mkdir(inRoot("var/lib/app"), { recursive: true });
    await chmod(inRoot("var/lib/app"), 0o751);
    await succeed("install", image, "--name", "app");
    expect((await lstat(inRoot("var/lib/app"))).mode & 0o777).toBe(0o751);
  });
});

describe("--root: absolute links of the tree", () => {
  let outside: string;
  beforeEach(async () => {
    outside = berth.path("outside");
    await mkdir(join(outside, "sub"), { recursive: true });
    await symlink(outside, inRoot("srv"));
  });

  test("lead a volume's source to where they will lead, not to this host", async () => {
    const image = await layout("app", { volumes: [] });
    await writeFile(join(outside, "file"), "a file of this host");
    const plan = async (source: string): Promise<{ sources: { path: string }[] }> =>
      JSON.parse(
        await succeed(
          "--json",
          "install",
          image,
          "--name",
          "app",
          "--dry-run",
          "--volume",
          `${source}:/data`,
        ),
      ).plan;
    expect((await plan("/srv/file")).sources).toMatchObject([{ path: "/srv/file" }]);
    await mkdir(join(root, outside), { recursive: true });
    await writeFile(join(root, outside, "file"), "a file of the tree");
    expect((await plan("/srv/file")).sources).toEqual([]);
    expect(await readFile(join(outside, "file"), "utf8")).toBe("a file of this host");
  });

  test("lead no removal out of it: neither of a source that is empty nor of state", async () => {
    const image = await layout("app", { volumes: ["/data"], files: { "data/first": "of the image" } });
    await succeed("install", image, "--name", "app", "--volume", "/srv/sub:/more");
    await rm(inRoot("var/lib/app"), { recursive: true });
    await mkdir(join(outside, "data"));
    await symlink(outside, inRoot("var/lib/app"));
    await succeed("uninstall", "app", "--purge");
    expect((await readdir(outside)).sort()).toEqual(["data", "sub"]);
  });
});

describe("names that exclude each other", () => {
  test("are not taken at the same time", async () => {
    const image = await layout("app", { volumes: [] });
    await succeed("pull", image, "--as", "example.com/app");
    const install = (name: string) =>
      berth.run("install", "example.com/app", "--name", name, "--runtime", "systemd");
    const answers = await Promise.all([install("x"), install("x.0")]);
    expect(answers.map(({ status }) => status).sort()).toEqual([0, 1]);
    expect(answers.map(({ stderr }) => stderr).join("")).toContain("cannot stand beside");
  });

  test("are not taken beside what an interrupted install left", async () => {
    const image = await layout("app", { volumes: [] });
    await mkdir(berth.path("state/containers/.journal"), { recursive: true });
    const intent = { schema: 1, action: "install", name: "x.0", hostFiles: [], state: [], emptied: [] };
    await writeFile(berth.path("state/containers/.journal/x.0.json"), JSON.stringify(intent));
    const { code } = await refused("install", image, "--name", "x");
    expect(code).toBe("NAME_TAKEN");
    await succeed("recover");
    await succeed("install", image, "--name", "x");
  });
});

describe("uninstall of several", () => {
  test("goes on after one that fails, tells of all, and exits with 1", async () => {
    const image = await layout("app", { volumes: [] });
    for (const name of ["a", "c"]) await succeed("install", image, "--name", name);
    const { status, stdout } = await berth.run("--json", "uninstall", "a", "b", "c");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      uninstalled: [{ name: "a" }, { name: "c" }],
      failed: [{ name: "b", code: "NOT_INSTALLED" }],
    });
    const said = await berth.run("uninstall", "b", "d");
    expect(said).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/b is not uninstalled.*\nd is not/s),
    });
    expect((await refused("uninstall", "b")).code).toBe("NOT_INSTALLED");
  });

  test("--purge: the accounts of an earlier deployment go too", async () => {
    const made = await makeImage({
      files: { "bin/app": { content: "app", mode: 0o755 } },
      config: { Cmd: ["/bin/app"], User: "4711:4711" },
    });
    await writeLayout(berth.path("user"), { latest: made });
    const install = ["install", `oci:${berth.path("user")}:latest`, "--name", "app", "--runtime", "systemd"];
    await succeed(...install);
    await succeed("uninstall", "app");
    await writeFile(inRoot("etc/passwd"), "berth-4711:x:4711:4711::/:/usr/sbin/nologin\n");
    await writeFile(inRoot("etc/group"), "berth-4711:x:4711:\n");
    await succeed(...install);
    await succeed("uninstall", "app", "--purge");
    expect(existsSync(inRoot("etc/sysusers.d/berth-app.conf"))).toBe(false);
  });
});

describe("the digest of an image", () => {
  test("is told by its own algorithm", async () => {
    await succeed("install", await layout("app", { volumes: [] }), "--name", "app");
    const file = berth.path("state/containers/app.0/info");
    const hex = "ab".repeat(64);
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, "utf8")), revision: hex }));
    for (const verb of ["list", "history"])
      expect(await succeed("--json", verb, ...(verb === "list" ? [] : ["app"]))).toContain(`sha512:${hex}`);
    expect(await succeed("inspect", "app")).toContain("sha512:");
  });
});
