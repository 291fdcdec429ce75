/** An image's files on a host that runs: with its packages, its service, and an update that does not come up. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeImage, type TestFiles, writeLayout } from "../support/images.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const DIR = "/var/host-files";

/** A unit whose process is the host's own; the container's would need a program. */
const unit = (command: string): string =>
  `[Service]\nExecStart=${command}\n[Install]\nWantedBy=multi-user.target\n`;

const OLD: TestFiles = {
  "bin/app": { content: "app", mode: 0o755 },
  "exports/manifest.json": JSON.stringify({
    defaultValues: { GREETING: "hello" },
    renameFiles: { "/etc/app/app.conf": "/etc/app/$NAME.conf" },
    installedFilesTemplate: ["/etc/app/one.conf"],
  }),
  "exports/service.template": unit("/bin/sleep infinity"),
  "exports/hostfs/etc/app/app.conf": { content: "$GREETING from $NAME\n", mode: 0o640, gid: 12 },
  "exports/hostfs/etc/app/edited.conf": "of the image\n",
  "exports/hostfs/usr/local/bin/appctl": { content: "#!/bin/sh\necho one\n", mode: 0o755 },
  "exports/hostfs/usr/local/bin/app-link": { type: "symlink", linkname: "appctl" },
};
const NEXT: TestFiles = {
  ...OLD,
  "exports/hostfs/etc/app/edited.conf": "of the next image\n",
  "exports/hostfs/etc/app/more.conf": "more\n",
  "exports/hostfs/usr/local/bin/appctl": { content: "#!/bin/sh\necho two\n", mode: 0o755 },
};

beforeAll(async () => {
  const images = {
    old: { files: OLD },
    next: { files: NEXT },
    broken: { files: { ...NEXT, "exports/service.template": unit("/bin/false") } },
    package: {
      files: {
        "exports/manifest.json": '{"noContainerService":true}',
        "exports/hostfs/etc/debian_version": "42\n",
      },
    },
  };
  const dir = join(lab.dir, DIR);
  await mkdir(dir, { recursive: true });
  for (const [name, options] of Object.entries(images)) {
    const image = await makeImage({ ...options, config: { Cmd: ["/bin/app"] } });
    await writeLayout(join(dir, name), { latest: image });
  }
});

afterEach(async () => {
  await lab.run(["berth", "uninstall", "one", "--purge"]);
  await lab.run(["rm", "-rf", "/etc/app"]);
});

afterAll(async () => {
  await lab.run(["rm", "-rf", DIR]);
  await lab.run(["berth", "prune"]);
});

const from = (name: string): string => `oci:${DIR}/${name}:latest`;
const install = (...more: string[]): string[] => [
  ...["berth", "install", from("old"), "--name", "one", "--runtime", "runc", ...more],
];
const cat = (path: string): Promise<string> => lab.output(["cat", path]);

describe("an image with files for the host and a service", () => {
  test("puts them there before the service starts, and takes them away", async () => {
    await lab.output(install("--set", "GREETING=good day"));
    expect(await cat("/etc/app/one.conf")).toBe("good day from one");
    expect(await lab.output(["stat", "--format=%a %u:%g", "/etc/app/one.conf"])).toBe("640 0:12");
    expect(await lab.output(["/usr/local/bin/app-link"])).toBe("one");
    expect(await lab.output(["berth", "owns", "/usr/local/bin/appctl"])).toMatch(/^one +unchanged/m);
    await lab.output(["berth", "uninstall", "one"]);
    expect((await lab.run(["ls", "/usr/local/bin/appctl"])).exitCode).not.toBe(0);
    expect((await lab.run(["ls", "/etc/app"])).exitCode).not.toBe(0);
  });

  test("that does not start leaves none of them", async () => {
    const { exitCode } = await lab.run([
      ...["berth", "install", from("broken"), "--name", "one", "--runtime", "runc"],
    ]);
    expect(exitCode).toBe(1);
    expect((await lab.run(["ls", "/etc/app"])).exitCode).not.toBe(0);
    expect((await lab.run(["ls", "/usr/local/bin/appctl"])).exitCode).not.toBe(0);
  });

  test("gets its former ones back when an update does not come up", async () => {
    await lab.output(install());
    await lab.output(["sh", "-c", "echo 'of the admin' > /etc/app/edited.conf"]);
    const { exitCode, stderr } = await lab.run(["berth", "update", "one", "--rebase", from("broken")]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1 });
    expect(await lab.output(["/usr/local/bin/appctl"])).toBe("one");
    expect((await lab.run(["ls", "/etc/app/more.conf"])).exitCode).not.toBe(0);
    expect(await cat("/etc/app/edited.conf")).toBe("of the admin");
    expect(await lab.output(["systemctl", "is-active", "one"])).toBe("active");
    const out = await lab.output(["berth", "update", "one", "--rebase", from("next"), "--watch", "1"]);
    expect(out).toContain("/etc/app/edited.conf was edited: it stays as it is");
    expect(await lab.output(["/usr/local/bin/appctl"])).toBe("two");
    await lab.output(["berth", "rollback", "one", "--watch", "1"]);
    expect(await lab.output(["/usr/local/bin/appctl"])).toBe("one");
    expect(await cat("/etc/app/one.conf")).toBe("hello from one");
    expect(await cat("/etc/app/edited.conf")).toBe("of the admin");
  });
});

test("a file system that is read-only is found before anything is changed", async () => {
  await lab.output(["sh", "-c", "mount --bind /usr/local /usr/local && mount -o remount,bind,ro /usr/local"]);
  try {
    const { exitCode, stderr } = await lab.run(install());
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(
        /\/usr\/local\/bin\/app\S+ cannot be written: its file system is read-only/,
      ),
    });
    expect((await lab.run(["ls", "/etc/app"])).exitCode).not.toBe(0);
  } finally {
    await lab.output(["umount", "/usr/local"]);
  }
});

describe("an image that brings files alone", () => {
  test("is refused where a package has one of them", async () => {
    const before = await cat("/etc/debian_version");
    const { exitCode, stderr } = await lab.run(["berth", "install", from("package"), "--name", "one"]);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("/etc/debian_version exists and belongs to the package base-files"),
    });
    expect(await cat("/etc/debian_version")).toBe(before);
    expect((await lab.run(["berth", "owns", "/etc/debian_version"])).stdout).toContain("base-files");
  });
});
