/** The library as another program imports it: the example, run as it stands there, on the built package. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeImage, writeLayout } from "../support/images.ts";
import { startRegistry } from "../support/registry.ts";

const project = join(import.meta.dirname, "../..");
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-library-"));
});

afterEach(() => rm(dir, { recursive: true }));

const example = (...argv: string[]): ReturnType<typeof runExample> => runExample(argv);

function runExample(argv: string[]) {
  return execa(process.execPath, ["examples/copy.ts", ...argv], { cwd: project, reject: false });
}

test("examples/copy.ts looks at an image and copies it", async () => {
  const image = await makeImage();
  await writeLayout(join(dir, "from"), { one: image });
  const { stdout, exitCode } = await example(`oci:${dir}/from:one`, `oci-archive:${dir}/to.tar:two`);
  expect(stdout.split("\n")).toEqual([
    `oci:${dir}/from:one: linux/amd64, 1 layers`,
    `oci-archive:${dir}/to.tar:two: ${image.digest}, 2 blobs copied`,
  ]);
  expect(exitCode).toBe(0);
});

test("examples/copy.ts lists the tags of a repository, and copies from it", async () => {
  const registry = await startRegistry();
  try {
    const image = await makeImage();
    for (const tag of ["1", "2"]) registry.push("team/app", image, tag);
    const conf = `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`;
    await mkdir(join(dir, ".config/containers"), { recursive: true });
    await writeFile(join(dir, ".config/containers/registries.conf"), conf);
    const { stdout } = await execa(
      process.execPath,
      ["examples/copy.ts", `docker://${registry.host}/team/app:1`, `dir:${dir}/to`],
      {
        cwd: project,
        env: { HOME: dir },
      },
    );
    expect(stdout.split("\n")).toEqual([
      `${registry.host}/team/app: tags 1, 2`,
      `${registry.host}/team/app:1: linux/amd64, 1 layers`,
      `dir:${dir}/to: ${image.digest}, 2 blobs copied`,
    ]);
  } finally {
    await registry.close();
  }
});

test("examples/copy.ts shows a failure with its code and what to do", async () => {
  const { stderr, exitCode } = await example(`oci:${dir}/nothing`, `dir:${dir}/to`);
  expect(stderr).toMatch(/^IMAGE_UNKNOWN: .* is not an OCI image layout/);
  expect(exitCode).toBe(1);
});
