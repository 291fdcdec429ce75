/** A name that a unit of the host has: a package's gives it up when the admin says so. */
import { existsSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { Berth } from "../support/berth.ts";
import { makeImage, writeLayout } from "../support/images.ts";
import { temporaryDirectory } from "../support/temporary.ts";

let berth: Berth;
let root: string;
let image: string;

beforeEach(async () => {
  root = await temporaryDirectory("root");
  await mkdir(join(root, "etc/containers"), { recursive: true });
  const policy = '{"default":[{"type":"insecureAcceptAnything"}]}';
  await writeFile(join(root, "etc/containers/policy.json"), policy);
  const opened = await Berth.open({ root });
  berth = opened;
  onTestFinished(() => opened.close());
  const files = { "bin/app": { content: "app", mode: 0o755 } };
  await writeLayout(berth.path("app"), { latest: await makeImage({ files, config: { Cmd: ["/bin/app"] } }) });
  image = `oci:${berth.path("app")}:latest`;
});

async function writeUnit(directory: string): Promise<string> {
  await mkdir(join(root, directory), { recursive: true });
  const path = join(root, directory, "app.service");
  await writeFile(path, "[Service]\nExecStart=/usr/bin/app\n[Install]\nWantedBy=multi-user.target\n");
  return path;
}

async function refused(...options: string[]): Promise<{ code: string; message: string; hint: string }> {
  const { status, stderr } = await berth.run("--json", "install", image, "--name", "app", ...options);
  expect(status).toBe(1);
  return JSON.parse(stderr).error;
}

test.each(["usr/lib/systemd/system", "usr/local/lib/systemd/system"])(
  "one in %s is refused, replaced with --replace-unit, and there again after an uninstall",
  async (directory) => {
    const packaged = await writeUnit(directory);
    const { code, message, hint } = await refused();
    expect({ code, message }).toEqual({
      code: "NAME_TAKEN",
      message: `this host has a unit app.service already: ${packaged}`,
    });
    expect(hint).toContain("--replace-unit");
    const installed = await berth.run("install", image, "--name", "app", "--replace-unit");
    expect(installed).toMatchObject({ status: 0 });
    expect(existsSync(join(root, "etc/systemd/system/app.service"))).toBe(true);
    expect(await berth.run("uninstall", "app")).toMatchObject({ status: 0 });
    expect(existsSync(join(root, "etc/systemd/system/app.service"))).toBe(false);
    expect(existsSync(packaged)).toBe(true);
  },
);

test.each(["etc/systemd/system", "run/systemd/system"])(
  "one in %s is the admin's, and is refused either way",
  async (directory) => {
    const path = await writeUnit(directory);
    for (const options of [[], ["--replace-unit"]]) {
      const { code, message, hint } = await refused(...options);
      expect({ code, message }).toEqual({
        code: "NAME_TAKEN",
        message: `this host has a unit app.service already: ${path}`,
      });
      expect(hint).not.toContain("--replace-unit");
    }
  },
);

test("one that is enabled is refused until it is disabled", async () => {
  const packaged = await writeUnit("usr/lib/systemd/system");
  const wants = join(root, "etc/systemd/system/multi-user.target.wants");
  await mkdir(wants, { recursive: true });
  await symlink("/usr/lib/systemd/system/app.service", join(wants, "app.service"));
  expect(await refused("--replace-unit")).toMatchObject({
    code: "NAME_TAKEN",
    message: `${packaged} cannot be replaced: it is enabled`,
    hint: `first: systemctl --root=${root} disable app.service`,
  });
  await rm(join(wants, "app.service"));
  expect(await berth.run("install", image, "--name", "app", "--replace-unit")).toMatchObject({ status: 0 });
});
