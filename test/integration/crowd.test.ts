/** Many processes of berth on one tree. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { documentOf, isLong, stateOf } from "../support/crash.ts";
import { makeImage, writeLayout } from "../support/images.ts";
import { noise } from "../support/raw-image.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "berth-crowd-"));
});
afterEach(() => rm(dir, { recursive: true }));

function start(program: string, ...args: string[]): Promise<unknown[]> {
  const file = join(import.meta.dirname, `../support/${program}.ts`);
  return once(spawn(process.execPath, [file, ...args], { stdio: ["ignore", "inherit", "inherit"] }), "exit");
}

test("8 installers beside 2 pruners: all succeed, nothing is damaged, nothing is left", async () => {
  const names = Array.from({ length: 8 }, (_, at) => `app-${at}`);
  const shared = { "bin/tool": { content: noise(20_000, "tool"), mode: 0o755 } };
  const images = await Promise.all(
    names.map((name, at) =>
      makeImage({
        layers: [shared, { [`half-${at % 2}`]: noise(5000, String(at % 2)) }, { [name]: name }],
        config: { Entrypoint: ["/bin/tool"] },
      }),
    ),
  );
  const contents = names.map((name, at) => [name, images[at] as (typeof images)[number]] as const);
  await writeLayout(join(dir, "layout"), Object.fromEntries(contents));
  const [root, stop] = [join(dir, "root"), join(dir, "stop")];
  mkdirSync(root);
  const pruners = [start("pruner-main", root, stop), start("pruner-main", root, stop)];
  const installers = names.map((name) =>
    start("installer-main", root, `oci:${join(dir, "layout")}:${name}`, name, isLong ? "20" : "3"),
  );
  const installed = await Promise.all(installers);
  writeFileSync(stop, "");
  expect([...installed, ...(await Promise.all(pruners))]).toEqual(
    Array.from({ length: 10 }, () => [0, null]),
  );
  expect(await documentOf(root, "verify")).toMatchObject({
    clean: true,
    checked: { names: 8, images: 8, deployments: 8 },
  });
  await documentOf(root, "uninstall", ...names);
  await documentOf(root, "rmi", ...names.map((name) => `example.com/${name}:1`));
  await documentOf(root, "prune");
  const store = stateOf(join(root, "var/lib/berth/store"));
  expect(store.map((line) => line.split(" ")[0])).toEqual([
    ".",
    "/format",
    "/images",
    "/layers",
    "/lock",
    "/names",
    "/objects",
    "/tmp",
  ]);
}, 600_000);
