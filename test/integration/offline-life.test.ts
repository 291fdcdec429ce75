/** Containers of a tree that does not run, through their whole life: what stays of others, and of a change cut off anywhere. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Berth } from "../support/berth.ts";
import { makeImage, writeLayout } from "../support/images.ts";
import { temporaryDirectory } from "../support/temporary.ts";

let berth: Berth;
let root: string;

beforeEach(async () => {
  root = await temporaryDirectory("root");
  await mkdir(join(root, "etc/containers"), { recursive: true });
  await writeFile(
    join(root, "etc/containers/policy.json"),
    '{"default":[{"type":"insecureAcceptAnything"}]}',
  );
  const opened = await Berth.open({ root });
  berth = opened;
  onTestFinished(() => opened.close());
});

async function layout(name: string, config: Record<string, unknown> = {}): Promise<string> {
  const image = await makeImage({
    files: { "bin/app": { content: "app", mode: 0o755 }, "data/": {}, "data/first": "from the image" },
    config: { Cmd: ["/bin/app"], ...config },
  });
  await writeLayout(berth.path(name), { latest: image });
  return `oci:${berth.path(name)}:latest`;
}

async function succeed(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await berth.run(...argv);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return stdout;
}

const inRoot = (path: string): string => join(root, path);
const containers = (): string => berth.path("state/containers");

describe("uninstall --purge", () => {
  test("removes the state that it made, whole", async () => {
    await succeed("install", await layout("image", { Volumes: { "/data": {} } }), "--name", "app");
    expect(await readFile(inRoot("var/lib/app/data/first"), "utf8")).toBe("from the image");
    await succeed("uninstall", "app", "--purge");
    expect(existsSync(inRoot("var/lib/app"))).toBe(false);
  });

  test("leaves alone what others have in a directory of the container's name", async () => {
    await mkdir(inRoot("var/lib/dpkg"), { recursive: true });
    await writeFile(inRoot("var/lib/dpkg/status"), "packages");
    await succeed("install", await layout("image", { Volumes: { "/data": {} } }), "--name", "dpkg");
    await succeed("uninstall", "dpkg", "--purge");
    expect(await readdir(inRoot("var/lib/dpkg"))).toEqual(["status"]);
  });
});
