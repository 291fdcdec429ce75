/** Images in the /exports format, through the command line, in a tree that does not run. */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Berth } from "../support/berth.ts";
import { makeImage, type TestFiles, writeLayout } from "../support/images.ts";
import { openOfflineTree } from "../support/offline-tree.ts";

let berth: Berth;
let root: string;

beforeEach(async () => {
  ({ root, berth } = await openOfflineTree({ runc: true }));
});

const CONFIG = `{
  "ociVersion": "0.3.0",
  "process": { "args": ["/usr/bin/run.sh"], "cwd": "/", "user": {},
    "env": ["PORT=$PORT", "RECEIVER=$RECEIVER", "UUID=$UUID", "NAME=$NAME"] },
  "root": { "path": "rootfs", "readonly": true },
  "mounts": [{ "destination": "/var/run/", "type": "bind", "source": "\${RUN_DIRECTORY}/\${NAME}" }],
  "linux": { "capabilities": [\${ALL_PROCESS_CAPABILITIES}], "namespaces": [{ "type": "mount" }] }
}`;
const UNIT = "[Service]\nExecStart=$EXEC_START\nRestart=on-crash\n[Install]\nWantedBy=multi-user.target\n";

async function layout(files: TestFiles = {}, port = "8081"): Promise<string> {
  const image = await makeImage({
    files: Array.isArray(files)
      ? files
      : {
          "usr/bin/run.sh": { content: "#!/bin/sh\n", mode: 0o755 },
          "exports/manifest.json": `{"version":"1.0","defaultValues":{"PORT":"${port}","RECEIVER":"World"}}`,
          "exports/config.json.template": CONFIG,
          "exports/service.template": UNIT,
          "exports/tmpfiles.template": "D ${RUN_DIRECTORY}/${NAME} 0700 - - - -\n",
          ...files,
        },
  });
  const dir = berth.path("layout");
  await writeLayout(dir, { latest: image });
  return `oci:${dir}:latest`;
}

const succeed = (...argv: string[]): Promise<string> => berth.succeed(...argv);

async function fail(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await berth.run(...argv);
  expect({ status, stdout }).toMatchObject({ status: 1 });
  return stderr;
}

const deployed = (path: string): Promise<string> => readFile(berth.path(`state/containers/${path}`), "utf8");
const inRoot = (path: string): string => join(root, path);
const environment = async (path: string): Promise<string[]> =>
  (JSON.parse(await deployed(`${path}/config.json`)) as { process: { env: string[] } }).process.env;
const uuidOf = async (path: string): Promise<string | undefined> =>
  (await environment(path)).find((entry) => entry.startsWith("UUID="));

describe("install of an image in the /exports format", () => {
  test("writes what its templates say, and uninstall takes all away", async () => {
    const shown = await succeed("install", await layout(), "--name", "hello", "--set", "RECEIVER=you");
    expect(shown).toContain("note: /exports/config.json.template: it is written for version 0.3.0");
    expect(await readFile(inRoot("etc/systemd/system/hello.service"), "utf8")).toBe(
      UNIT.replace(
        "$EXEC_START",
        `/usr/bin/runc run --bundle ${berth.path("state/containers/hello.0")} hello`,
      ),
    );
    expect(await readFile(inRoot("etc/tmpfiles.d/hello.conf"), "utf8")).toBe("D /run/hello 0700 - - - -\n");
    expect(await environment("hello.0")).toEqual([
      "PORT=8081",
      "RECEIVER=you",
      expect.stringMatching(/^UUID=[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      "NAME=hello",
    ]);
    expect(await succeed("verify", "hello")).toContain("nothing is damaged");
    await succeed("uninstall", "hello");
    for (const path of ["etc/systemd/system/hello.service", "etc/tmpfiles.d/hello.conf"])
      expect(existsSync(inRoot(path))).toBe(false);
    expect(existsSync(berth.path("state/containers/hello.0"))).toBe(false);
  });

  test("fails for a value that is missing, and leaves nothing in the way of the next", async () => {
    const image = await layout({ "exports/manifest.json": "{}" });
    const stderr = await fail("install", image, "--name", "hello", "--set", "PORT=1");
    expect(stderr).toContain("still contains an unreplaced value for: ''RECEIVER''");
    await succeed("install", image, "--name", "hello", "--set", "PORT=1", "--set", "RECEIVER=x");
    expect(await environment("hello.0")).toContain("RECEIVER=x");
  });

  test("takes values from a file, and those of the command line before them", async () => {
    await writeFile(berth.path("values.yaml"), "PORT: 0080\nRECEIVER: file\n");
    const given = ["--values", berth.path("values.yaml"), "--set", "RECEIVER=line"];
    await succeed("install", await layout(), "--name", "hello", ...given);
    expect(await environment("hello.0")).toEqual(expect.arrayContaining(["PORT=0080", "RECEIVER=line"]));
  });

  test("reads templates through links that stay in the image", async () => {
    const image = await layout([
      { name: "usr/bin/run.sh", content: "#!/bin/sh\n", mode: 0o755 },
      { name: "exports", type: "symlink", linkname: "/opt/exports" },
      { name: "opt/exports/config.json.template", content: CONFIG },
      { name: "opt/exports/service.template", type: "symlink", linkname: "../../../../unit" },
      { name: "unit", content: UNIT },
    ]);
    await succeed("install", image, "--name", "hello", "--set", "PORT=1", "--set", "RECEIVER=x");
    expect(await readFile(inRoot("etc/systemd/system/hello.service"), "utf8")).toContain("Restart=on-crash");
  });

  test("refuses a manifest.json that is none", async () => {
    const image = await layout({ "exports/manifest.json": "{" });
    expect(await fail("install", image, "--name", "hello")).toContain(
      `Invalid manifest.json file in image: ${image}.`,
    );
  });

  test("without a service has no unit, and says so", async () => {
    const image = await layout({ "exports/manifest.json": '{"noContainerService":true}' });
    expect(await succeed("install", image, "--name", "files")).toContain(
      "files is installed and has no service",
    );
    expect(existsSync(inRoot("etc/systemd/system/files.service"))).toBe(false);
    expect(await succeed("list")).toMatch(/files.*no service/);
    expect(await succeed("status", "files")).toContain("files: no service");
    expect(await succeed("verify", "files")).toContain("nothing is damaged");
    await succeed("update", "files", "--set", "A=1");
    await succeed("rollback", "files");
    await succeed("uninstall", "files");
  });
});

describe("update of an image in the /exports format", () => {
  test("keeps what was set and the UUID, and takes new defaults", async () => {
    await succeed("install", await layout(), "--name", "hello", "--set", "RECEIVER=you");
    const uuid = await uuidOf("hello.0");
    expect(await succeed("update", "hello")).toContain("Latest version already installed.");
    await layout({}, "9090");
    await succeed("update", "hello");
    expect(await environment("hello.1")).toEqual(["PORT=9090", "RECEIVER=you", uuid, "NAME=hello"]);
    await succeed("update", "hello", "--unset", "RECEIVER", "--set", "PORT=1");
    expect(await environment("hello")).toEqual(["PORT=1", "RECEIVER=World", uuid, "NAME=hello"]);
    await succeed("rollback", "hello");
    expect(await environment("hello")).toEqual(["PORT=9090", "RECEIVER=you", uuid, "NAME=hello"]);
  });

  test("tells which values differ, but not what every deployment has of its own", async () => {
    await succeed("install", await layout(), "--name", "hello");
    await succeed("update", "hello", "--set", "PORT=1");
    const { values } = await berth.json<{ values: string[] }>("diff", "hello");
    expect(values).toEqual(["PORT"]);
  });
});

describe("host access", () => {
  test("is in the plan, the dry run, inspect and info", async () => {
    const image = await layout();
    const line = "tmpfiles line: D /run/hello 0700 - - - -";
    expect(await succeed("install", image, "--name", "hello", "--dry-run")).toContain(line);
    await succeed("install", image, "--name", "hello");
    expect(await succeed("inspect", "hello")).toContain(line);
    const info = JSON.parse(await deployed("hello/info")) as { berth: { hostAccess: unknown[] } };
    expect(info.berth.hostAccess).toContainEqual({ kind: "bind", what: "/run/hello at /var/run" });
    const shown = await succeed("inspect", image);
    expect(shown).toContain("tmpfiles line: D /run/$NAME 0700 - - - -");
    expect(shown).toMatch(/values with a default:\s+PORT=8081/);
  });

  test("is refused where berth.toml says so, before anything is written", async () => {
    await mkdir(inRoot("etc/berth"), { recursive: true });
    await writeFile(inRoot("etc/berth/berth.toml"), 'host_access = "refuse"\n');
    const stderr = await fail("install", await layout(), "--name", "hello");
    expect(stderr).toContain("asks for more of this host than berth.toml allows");
    expect(stderr).toContain("writable bind: /run/hello at /var/run");
    expect(existsSync(inRoot("etc/systemd/system/hello.service"))).toBe(false);
  });
});
