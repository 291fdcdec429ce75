/** Files that an image in the /exports format puts on the host: owned, shared, updated, gone back from and removed. */
import { existsSync, lstatSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { chmod, mkdir, readFile, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { Berth } from "../support/berth.ts";
import { makeImage, type TestFiles, writeLayout } from "../support/images.ts";
import { listingOf } from "../support/listing-of.ts";
import { openOfflineTree } from "../support/offline-tree.ts";
import { temporaryDirectory } from "../support/temporary.ts";

let berth: Berth;
let root: string;

beforeEach(async () => {
  ({ root, berth } = await openOfflineTree());
});

type HostFiles = Record<string, Exclude<TestFiles, unknown[]>[string]>;

const MANIFEST = {
  version: "1.0",
  defaultValues: { RECEIVER: "World" },
  renameFiles: { "/usr/local/lib/placeholder-file": "/usr/local/lib/renamed-$NAME" },
  installedFilesTemplate: ["/usr/local/lib/secret-message-template"],
};

const HELLO: HostFiles = {
  "usr/local/placeholder-lib/": { mode: 0o750, uid: 11, gid: 12 },
  "broken-symlink": { type: "symlink", linkname: "/none" },
  "opt/cni": { type: "symlink", linkname: "/usr/local/lib" },
  "etc/app/app.conf": { content: "one\n", mode: 0o640, uid: 5, gid: 6 },
  "usr/local/lib/secret-message": "Hello unknown $RECEIVER\n",
  "usr/local/lib/secret-message-template": "hello $RECEIVER\n",
  "usr/local/lib/placeholder-file": { content: "placeholder\n", mode: 0o755 },
};

interface Updates {
  updates: { files: { path: string; outcome: string }[]; changed: string[] }[];
}

let images = 0;

/** The image as something to install. */
async function imageWith(hostfs: HostFiles, manifest: object = MANIFEST): Promise<string> {
  const files = Object.entries(hostfs).map(([path, file]) => [`exports/hostfs/${path}`, file] as const);
  const image = await makeImage({
    files: {
      "bin/app": { content: "app", mode: 0o755 },
      "exports/": {},
      "exports/manifest.json": JSON.stringify(manifest),
      ...Object.fromEntries(files),
    },
    config: { Cmd: ["/bin/app"] },
  });
  images += 1;
  const name = `image-${images}`;
  await writeLayout(berth.path(name), { latest: image });
  return `oci:${berth.path(name)}:latest`;
}

const succeed = (...argv: string[]): Promise<string> => berth.succeed(...argv);

async function fail(...argv: string[]): Promise<{ code: string; message: string; hint?: string }> {
  const { status, stdout, stderr } = await berth.run("--json", ...argv);
  expect({ status, stdout }).toMatchObject({ status: 1 });
  return (JSON.parse(stderr) as { error: { code: string; message: string; hint?: string } }).error;
}

const at = (path: string): string => join(root, path);
const text = (path: string): string => readFileSync(at(path), "utf8");
const state = (): string[] => listingOf(root);

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), content);
}

function ownership(path: string): string {
  const { mode, uid, gid } = lstatSync(at(path));
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
}

const recordOf = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(berth.path(`state/containers/${name}/info`), "utf8")) as Record<string, unknown>;

describe("install", () => {
  test("puts files, links and directories on the host, as the manifest says", async () => {
    const out = await succeed("install", await imageWith(HELLO), "--name", "hello", "--set", "RECEIVER=you");
    expect(text("usr/local/lib/secret-message")).toBe("Hello unknown $RECEIVER\n");
    expect(text("usr/local/lib/secret-message-template")).toBe("hello you\n");
    expect(text("usr/local/lib/renamed-hello")).toBe("placeholder\n");
    expect(existsSync(at("usr/local/lib/placeholder-file"))).toBe(false);
    expect(readlinkSync(at("broken-symlink"))).toBe("/none");
    expect(readlinkSync(at("opt/cni"))).toBe("/usr/local/lib");
    expect(ownership("usr/local/placeholder-lib")).toBe("750 11:12");
    expect(ownership("etc/app/app.conf")).toBe("640 5:6");
    expect(ownership("usr/local/lib/renamed-hello")).toBe("755 0:0");
    for (const path of ["/broken-symlink", "/opt/cni", "/etc/app/app.conf", "/usr/local/lib/renamed-hello"])
      expect(out).toContain(`Created file ${path}\n`);
    expect(recordOf("hello")).toMatchObject({
      "rename-installed-files": { "/usr/local/lib/placeholder-file": "/usr/local/lib/renamed-hello" },
      "installed-files-template": ["/usr/local/lib/secret-message-template"],
      "use-links": true,
      "installed-files": expect.arrayContaining(["/etc/app/app.conf", "/usr/local/placeholder-lib"]),
      "installed-files-checksum": {
        "/etc/app/app.conf": expect.stringMatching(/^[0-9a-f]{64}$/),
        "/broken-symlink": "0",
      },
    });
  });

  test("makes files below /usr one inode with the store's where it lies on one file system, unless useLinks is off", async () => {
    await succeed("install", await imageWith(HELLO), "--name", "hello");
    expect(statSync(at("usr/local/lib/secret-message")).nlink).toBeGreaterThan(1);
    expect(statSync(at("etc/app/app.conf")).nlink).toBe(1);
    const other = { "usr/local/lib/other": "other\n" };
    await succeed("install", await imageWith(other, { useLinks: false }), "--name", "other");
    expect(statSync(at("usr/local/lib/other")).nlink).toBe(1);
  });

  test("changes nothing when a file that is not berth's is in the way, and says whose it is", async () => {
    const image = await imageWith(HELLO);
    await succeed("pull", image, "--as", "example.com/hello:1");
    await put("etc/app/app.conf", "mine\n");
    await put("var/lib/dpkg/info/app.list", "/.\n/etc\n/etc/app/app.conf\n");
    const before = state();
    const error = await fail("install", "example.com/hello:1", "--name", "hello");
    expect(error).toMatchObject({
      code: "HOST_FILE_CONFLICT",
      message: `${at("etc/app/app.conf")} exists and belongs to the package app`,
      hint: expect.stringContaining("--keep-host-files"),
    });
    expect(state()).toEqual(before);
    await rm(at("var/lib/dpkg"), { recursive: true });
    expect(await fail("install", "example.com/hello:1", "--name", "hello", "--dry-run")).toMatchObject({
      message: `${at("etc/app/app.conf")} exists and is not berth's`,
    });
  });

  test("with --keep-host-files leaves what is in the way, then and later", async () => {
    await put("etc/app/app.conf", "mine\n");
    const out = await succeed("install", await imageWith(HELLO), "--name", "hello", "--keep-host-files");
    expect(out).toContain("/etc/app/app.conf stays as it is");
    expect(text("etc/app/app.conf")).toBe("mine\n");
    expect(recordOf("hello")["installed-files"]).not.toContain("/etc/app/app.conf");
    await succeed("update", "hello", "--set", "RECEIVER=two");
    await succeed("uninstall", "hello", "--purge");
    expect(text("etc/app/app.conf")).toBe("mine\n");
  });

  test("shares a file that is there, the same, and leaves it in the end", async () => {
    await put("etc/app/app.conf", "one\n");
    await chmod(at("etc/app/app.conf"), 0o644);
    const image = await imageWith({ "etc/app/app.conf": "one\n" });
    expect(await succeed("install", image, "--name", "hello")).toContain("was there already");
    await succeed("uninstall", "hello", "--purge");
    expect(text("etc/app/app.conf")).toBe("one\n");
  });

  test("counts the containers that share a file, whoever goes first", async () => {
    const shared = { "etc/kubernetes/config": "shared\n" };
    await succeed("install", await imageWith({ ...shared, "etc/kubernetes/a": "a" }), "--name", "a");
    const out = await succeed(
      "install",
      await imageWith({ ...shared, "etc/kubernetes/b": "b" }),
      "--name",
      "b",
    );
    expect(out).toContain("/etc/kubernetes/config is shared with a");
    await succeed("uninstall", "a");
    expect(text("etc/kubernetes/config")).toBe("shared\n");
    expect(existsSync(at("etc/kubernetes/a"))).toBe(false);
    await succeed("uninstall", "b");
    expect(existsSync(at("etc/kubernetes"))).toBe(false);
    expect(existsSync(at("etc"))).toBe(true);
  });

  test("names the container that has another file there, and does not touch it", async () => {
    await succeed("install", await imageWith({ "etc/kubernetes/config": "a\n" }), "--name", "a");
    const error = await fail("install", await imageWith({ "etc/kubernetes/config": "b\n" }), "--name", "b");
    expect(error).toMatchObject({
      code: "HOST_FILE_CONFLICT",
      message: `${at("etc/kubernetes/config")} exists and belongs to the container a`,
    });
    expect(text("etc/kubernetes/config")).toBe("a\n");
    expect(existsSync(at("etc/systemd/system/b.service"))).toBe(false);
  });

  test.each(["proc/x", "sys/x", "dev/x", "boot/x"])(
    "refuses a file %s before it is pulled apart",
    async (path) => {
      const error = await fail("install", await imageWith({ [path]: "x" }), "--name", "hello");
      expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining(`/${path}`) });
    },
  );

  test("follows a symlink of the host inside the tree, and never out of it", async () => {
    const outside = await temporaryDirectory("outside");
    await mkdir(at("usr/lib"), { recursive: true });
    await symlink("usr/lib", at("lib"));
    await symlink(outside, at("srv"));
    const image = await imageWith({ "lib/app/plugin": "plugin", "srv/data": "data" });
    await succeed("install", image, "--name", "hello");
    expect(text("usr/lib/app/plugin")).toBe("plugin");
    expect(lstatSync(at("lib")).isSymbolicLink()).toBe(true);
    // As the tree will see it when it runs.
    expect(readFileSync(join(root, outside, "data"), "utf8")).toBe("data");
    expect(existsSync(join(outside, "data"))).toBe(false);
    expect(await berth.json("owns", "/lib/app/plugin")).toMatchObject({
      path: "/usr/lib/app/plugin",
      owners: [{ name: "hello", state: "unchanged" }],
    });
    await succeed("uninstall", "hello");
    expect(existsSync(at("usr/lib/app"))).toBe(false);
    expect(existsSync(at("usr/lib"))).toBe(true);
  });

  test("refuses a file that a symlink of the host leads to /boot", async () => {
    await mkdir(at("boot"));
    await symlink("/boot", at("srv"));
    const image = await imageWith({ "srv/x": "x" });
    await succeed("install", image, "--name", "other", "--keep-host-files");
    expect(existsSync(at("boot/x"))).toBe(false);
    expect(await fail("install", image, "--name", "hello")).toMatchObject({
      code: "HOST_FILE_CONFLICT",
      message: "/srv/x leads to /boot/x on this host: nothing is put there",
    });
  });

  test("refuses a file in berth's state, whose directory is a symlink", async () => {
    await mkdir(at("data/state"), { recursive: true });
    await mkdir(at("var"));
    await symlink("../data", at("var/berth"));
    const inside = Berth.at(at("var/berth"), { root });
    const image = await imageWith({ "data/state/containers/x.0/info": "{}" });
    const { stderr } = await inside.run("--json", "install", image, "--name", "hello");
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "HOST_FILE_CONFLICT" } });
    expect(existsSync(at("data/state/containers/x.0"))).toBe(false);
  });

  test("of two at once that bring different files of one path one is refused", async () => {
    const [a, b] = [await imageWith({ "etc/one": "a" }), await imageWith({ "etc/one": "b" })];
    const answers = await Promise.all([
      berth.run("install", a, "--name", "a"),
      berth.run("install", b, "--name", "b"),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([0, 1]);
    const winner = answers[0]?.status === 0 ? "a" : "b";
    expect(text("etc/one")).toBe(winner);
    expect(answers.map(({ stderr }) => stderr).join("")).toContain(`belongs to the container ${winner}`);
    expect(await berth.json("list")).toMatchObject({ containers: [{ name: winner }] });
  });

  test("is told before: by inspect of the image, and by --dry-run", async () => {
    const image = await imageWith(HELLO);
    await succeed("pull", image, "--as", "example.com/hello:1");
    expect(await succeed("inspect", "example.com/hello:1")).toContain(
      "host file: /usr/local/lib/renamed-$NAME",
    );
    const out = await succeed("install", "example.com/hello:1", "--name", "hello", "--dry-run");
    expect(out).toContain("/usr/local/lib/renamed-hello (new)");
    expect(out).toContain("host file: /usr/local/lib/renamed-hello");
    expect(existsSync(at("usr/local"))).toBe(false);
  });

  test("copies those of a root file system of the admin's, which shares nothing with the host", async () => {
    for (const name of ["proc", "dev", "sys", "run", "tmp", "var/tmp", "root", "etc"])
      await mkdir(at(`srv/remote/rootfs/${name}`), { recursive: true });
    await put("srv/remote/rootfs/usr/bin/app", "app");
    await chmod(at("srv/remote/rootfs/usr/bin/app"), 0o755);
    await put("srv/remote/rootfs/exports/hostfs/usr/local/lib/message", "of the remote\n");
    const image = await makeImage({ files: { "usr/bin/app": "" }, config: { Cmd: ["/usr/bin/app"] } });
    await writeLayout(berth.path("plain"), { latest: image });
    const plain = `oci:${berth.path("plain")}:latest`;
    await succeed("install", plain, "--name", "hello", "--rootfs", "/srv/remote", "--runtime", "systemd");
    expect(text("usr/local/lib/message")).toBe("of the remote\n");
    expect(statSync(at("usr/local/lib/message")).nlink).toBe(1);
    await succeed("uninstall", "hello");
    expect(existsSync(at("usr/local/lib/message"))).toBe(false);
    expect(text("srv/remote/rootfs/exports/hostfs/usr/local/lib/message")).toBe("of the remote\n");
  });

  test("refuses a file in the place of the container's own unit", async () => {
    const image = await imageWith({ "etc/systemd/system/hello.service": "[Service]\n" });
    expect(await fail("install", image, "--name", "hello")).toMatchObject({ code: "CONFIG_INVALID" });
  });
});

describe("update and rollback", () => {
  const NEXT: HostFiles = {
    "etc/app/app.conf": { content: "two\n", mode: 0o640, uid: 5, gid: 6 },
    "etc/app/extra.conf": "extra\n",
    "usr/local/lib/secret-message-template": "hello again $RECEIVER\n",
  };

  async function installed(): Promise<string> {
    await succeed("install", await imageWith(HELLO), "--name", "hello");
    return imageWith(NEXT);
  }

  test("replaces, adds and removes, and goes back without any values", async () => {
    const next = await installed();
    const before = state();
    await succeed("update", "hello", "--rebase", next);
    expect(text("etc/app/app.conf")).toBe("two\n");
    expect(text("etc/app/extra.conf")).toBe("extra\n");
    expect(text("usr/local/lib/secret-message-template")).toBe("hello again World\n");
    for (const path of ["broken-symlink", "opt", "usr/local/lib/renamed-hello", "usr/local/placeholder-lib"])
      expect(lstatSync(at(path), { throwIfNoEntry: false })).toBe(undefined);
    await succeed("rollback", "hello");
    expect(state().filter((line) => !/\/systemd\/system/.test(line))).toEqual(
      before.filter((line) => !/\/systemd\/system/.test(line)),
    );
    await succeed("rollback", "hello");
    expect(text("etc/app/app.conf")).toBe("two\n");
    expect(existsSync(at("opt"))).toBe(false);
    // What a template became may hold secrets.
    expect(await succeed("diff", "hello")).not.toContain("hello again");
  });

  test("makes a directory of a file, and a file of a directory", async () => {
    await succeed("install", await imageWith({ "etc/a": "a", "etc/b/c": "c" }), "--name", "hello");
    await succeed("update", "hello", "--rebase", await imageWith({ "etc/a/c": "c", "etc/b": "b" }));
    expect(text("etc/a/c")).toBe("c");
    expect(text("etc/b")).toBe("b");
    await succeed("rollback", "hello");
    expect(text("etc/a")).toBe("a");
    expect(text("etc/b/c")).toBe("c");
  });

  test("keeps what the admin edited, says so, and goes on knowing it", async () => {
    const next = await installed();
    await writeFile(at("etc/app/app.conf"), "This message will not be deleted\n");
    await writeFile(at("usr/local/lib/renamed-hello"), "edited too\n");
    const out = await succeed("update", "hello", "--rebase", next);
    expect(out).toContain("/etc/app/app.conf was edited: it stays as it is");
    expect(text("etc/app/app.conf")).toBe("This message will not be deleted\n");
    expect(text("usr/local/lib/renamed-hello")).toBe("edited too\n");
    expect(await berth.json("owns", "/usr/local/lib/renamed-hello")).toMatchObject({
      owners: [{ name: "hello", kind: "file", made: true, state: "edited" }],
    });
    expect(await succeed("rollback", "hello")).toContain("/etc/app/app.conf was edited");
    expect(text("etc/app/app.conf")).toBe("This message will not be deleted\n");
    const gone = await succeed("uninstall", "hello");
    expect(gone).toMatch(/kept: +\/etc\/app\/app.conf\n +\/usr\/local\/lib\/renamed-hello\n/);
    expect(text("etc/app/app.conf")).toBe("This message will not be deleted\n");
  });

  test("takes a file that was removed by hand for removed", async () => {
    const next = await installed();
    await unlink(at("etc/app/app.conf"));
    expect(await succeed("update", "hello", "--rebase", next)).toContain(
      "/etc/app/app.conf was removed by hand",
    );
    expect(existsSync(at("etc/app/app.conf"))).toBe(false);
    await succeed("rollback", "hello");
    expect(existsSync(at("etc/app/app.conf"))).toBe(false);
    expect(await succeed("uninstall", "hello")).not.toContain("app.conf");
  });

  test("refuses a new file that is in the way before anything is changed", async () => {
    const next = await installed();
    await put("etc/app/extra.conf", "mine\n");
    const before = state();
    expect(await fail("update", "hello", "--rebase", next)).toMatchObject({ code: "HOST_FILE_CONFLICT" });
    expect(state()).toEqual(before);
    await succeed("update", "hello", "--rebase", next, "--keep-host-files");
    expect(text("etc/app/extra.conf")).toBe("mine\n");
  });

  test("looks again when what was staged is applied", async () => {
    await succeed("update", "hello", "--rebase", await installed(), "--stage-only");
    expect(text("etc/app/app.conf")).toBe("one\n");
    await put("etc/app/extra.conf", "mine\n");
    const before = state();
    expect(await fail("update", "hello", "--apply")).toMatchObject({ code: "HOST_FILE_CONFLICT" });
    expect(state()).toEqual(before);
    await unlink(at("etc/app/extra.conf"));
    await writeFile(at("etc/app/app.conf"), "edited\n");
    expect(await succeed("update", "hello", "--apply")).toContain("/etc/app/app.conf was edited");
    expect([text("etc/app/app.conf"), text("etc/app/extra.conf")]).toEqual(["edited\n", "extra\n"]);
  });

  test("takes a file with a name as long as names can be", async () => {
    const path = `etc/${"n".repeat(255)}`;
    await succeed("install", await imageWith({ [path]: "one" }), "--name", "hello");
    await succeed("update", "hello", "--rebase", await imageWith({ [path]: "two" }));
    expect(text(path)).toBe("two");
    await succeed("uninstall", "hello");
    expect(existsSync(at(path))).toBe(false);
  });

  test("refuses to change a file that another container has too; without it the other can", async () => {
    const image = await imageWith({ "etc/kubernetes/config": "one\n" });
    const next = await imageWith({ "etc/kubernetes/config": "two\n" });
    for (const name of ["a", "b"]) await succeed("install", image, "--name", name);
    expect(await fail("update", "a", "--rebase", next)).toMatchObject({
      message: `${at("etc/kubernetes/config")} exists and belongs to the container b`,
    });
    await succeed("update", "a", "--rebase", next, "--keep-host-files");
    await succeed("update", "b", "--rebase", next);
    expect(text("etc/kubernetes/config")).toBe("two\n");
    // A way back is never refused.
    await succeed("install", next, "--name", "c");
    expect(await succeed("rollback", "b")).toContain("/etc/kubernetes/config stays as it is");
    expect(text("etc/kubernetes/config")).toBe("two\n");
    expect(await berth.json("owns", "/etc/kubernetes/config")).toMatchObject({ owners: [{ name: "c" }] });
  });

  test("--dry-run says what would become of them, and changes nothing", async () => {
    const next = await installed();
    const before = state();
    const { updates } = await berth.json<Updates>(...["update", "hello", "--rebase", next, "--dry-run"]);
    const outcomes = Object.fromEntries(updates[0]?.files.map(({ path, outcome }) => [path, outcome]) ?? []);
    expect(updates[0]?.changed).toContain("/usr/local/lib/secret-message-template");
    const shown = await succeed("update", "hello", "--rebase", next, "--dry-run");
    for (const said of [
      "/etc/app/app.conf (replaced)",
      "/etc/app/extra.conf (new)",
      "/broken-symlink (removed)",
    ])
      expect(shown).toContain(said);
    expect(outcomes).toMatchObject({
      "/etc/app/app.conf": "replaced",
      "/etc/app/extra.conf": "created",
      "/broken-symlink": "removed",
    });
    expect(state()).toEqual(before);
  });
});

describe("uninstall", () => {
  test("takes away all that an install made", async () => {
    await put("etc/app/own.conf", "of the admin\n");
    const before = state();
    await succeed("install", await imageWith(HELLO), "--name", "hello");
    await succeed("uninstall", "hello");
    const left = state().filter((line) => !/^\/(etc\/systemd|etc\/tmpfiles|usr\/local |usr )/.test(line));
    expect(left).toEqual(before);
    expect(existsSync(berth.path("state/containers/.files"))).toBe(false);
  });

  test("--purge takes what was edited too", async () => {
    await succeed("install", await imageWith(HELLO), "--name", "hello");
    await writeFile(at("etc/app/app.conf"), "edited\n");
    expect(await succeed("uninstall", "hello", "--purge")).not.toContain("app.conf");
    expect(existsSync(at("etc/app"))).toBe(false);
  });
});

describe("owns, verify and inspect", () => {
  test("owns says whose a path is, and 1 for nobody's", async () => {
    await succeed("install", await imageWith(HELLO), "--name", "hello");
    expect(await succeed("owns", "/etc/app/app.conf")).toMatch(/^hello +unchanged +a file of its image$/m);
    await chmod(at("etc/app/app.conf"), 0o600);
    expect(await succeed("owns", "/etc/app/app.conf")).toMatch(/^hello +edited /m);
    await unlink(at("etc/app/app.conf"));
    expect(await succeed("owns", "/etc/app/app.conf")).toMatch(/^hello +missing /m);
    expect(await succeed("owns", "/etc/systemd/system/hello.service")).toContain("written by berth");
    await put("var/lib/dpkg/info/base:amd64.list", "/etc/passwd\n");
    expect(await berth.run("owns", "/etc/passwd")).toEqual({
      status: 1,
      stdout: "no container has /etc/passwd: it belongs to the package base\n",
      stderr: "",
    });
    expect((await berth.run("owns", "/none")).status).toBe(1);
  });

  test("verify and inspect name what is not as it was, and call it no damage", async () => {
    await succeed("install", await imageWith(HELLO), "--name", "hello");
    await writeFile(at("etc/app/app.conf"), "edited\n");
    await unlink(at("broken-symlink"));
    expect(await berth.json("verify", "hello")).toMatchObject({
      clean: true,
      changed: [
        { name: "hello", path: "/broken-symlink", state: "missing" },
        { name: "hello", path: "/etc/app/app.conf", state: "edited" },
      ],
    });
    expect(await succeed("verify", "hello")).toContain("edited /etc/app/app.conf");
    expect(await succeed("inspect", "hello")).toContain("/etc/app/app.conf (edited)");
    expect(await succeed("status", "hello")).toContain("/etc/app/app.conf (edited)");
  });
});

test("a directory of the image is as good as the one that is there", async () => {
  await mkdir(at("usr/local/placeholder-lib"), { recursive: true, mode: 0o755 });
  await succeed("install", await imageWith(HELLO), "--name", "hello");
  expect(ownership("usr/local/placeholder-lib")).toBe("755 0:0");
  await succeed("uninstall", "hello");
  expect(existsSync(at("usr/local/placeholder-lib"))).toBe(true);
  expect(await readFile(at("etc/containers/policy.json"), "utf8")).not.toBe("");
});
