/** As `atomic`, images of a local engine: podman's service, which speaks Docker's API. Names begin with the statements that they show. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Berth } from "../support/berth.ts";
import { makeImage, writeLayout } from "../support/images.ts";
import { type AtomicImageName, recipes } from "../support/lab/atomic-images.ts";
import { openOfflineTree } from "../support/offline-tree.ts";
import { Places } from "../support/transports.ts";

const HELLO = "localhost/hello-here:1";
const NEXT = "localhost/next-here:latest";
let places: Places;
let berth: Berth;

async function intoEngine(name: AtomicImageName, called: string): Promise<void> {
  const greeter = { content: Buffer.alloc(3_000_000, "greeter"), mode: 0o755 };
  const image = await makeImage({ files: { ...recipes[name].files, "usr/bin/greet.sh": greeter } });
  const layout = join(places.dir, name);
  await writeLayout(layout, { latest: image });
  const daemon = `--dest-daemon-host=${places.daemonHost}`;
  await execa("skopeo", ["copy", "--quiet", daemon, `oci:${layout}:latest`, `docker-daemon:${called}`]);
}

beforeAll(async () => {
  places = await Places.start();
  vi.stubEnv("DOCKER_HOST", places.daemonHost);
  await intoEngine("system-hello", HELLO);
  await intoEngine("system-next", NEXT);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await places.stop();
});

beforeEach(async () => {
  ({ berth } = await openOfflineTree({ runc: true }));
});

const deployed = (path: string): Promise<string> => readFile(berth.path(`state/containers/${path}`), "utf8");

test("13: install takes an image of the engine, under the name that it has there", async () => {
  const { status, stderr } = await berth.atomic("install", "--system", `docker:${HELLO}`);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect((await berth.atomic("containers", "list", "-aq")).stdout).toBe("hello-here-1\n");
  expect(JSON.parse(await deployed("hello-here-1.0/info"))).toMatchObject({ image: HELLO });
});

test("43: an update to an image that only the engine has", async () => {
  await berth.atomic("install", "--system", "--name=x", `docker:${HELLO}`);
  const words = [
    "containers",
    "update",
    "x",
    "--rebase",
    `docker:${NEXT}`,
    "--set",
    "VAR_WITH_NO_DEFAULT=given",
  ];
  expect(await berth.atomic(...words)).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("Extracting to "),
  });
  expect(await deployed("x/config.json")).toContain("given");
  expect(JSON.parse(await deployed("x/info"))).toMatchObject({ image: NEXT });
});

test("55: pull takes an image of the engine, and it is as large as there", async () => {
  expect(await berth.atomic("pull", "--storage", "ostree", `docker:${HELLO}`)).toMatchObject({ status: 0 });
  const listed = await berth.atomic("images", "list", "-f", "type=ostree", "--json");
  const [row] = JSON.parse(listed.stdout) as { repo: string; tag: string; virtual_size: string }[];
  expect([row?.repo, row?.tag]).toEqual(HELLO.split(":"));
  const storage = [`--root=${places.dir}/storage`, `--runroot=${places.dir}/run`, "--storage-driver=vfs"];
  const { stdout } = await execa("podman", [...storage, "image", "inspect", "--format={{.Size}}", HELLO]);
  const ours = Number.parseFloat(row?.virtual_size ?? "") * 1e6;
  expect(Math.abs(ours - Number(stdout)) / Number(stdout)).toBeLessThan(0.04);
});

test("60: mount and run of a name that the engine has too ask for --storage", async () => {
  await berth.atomic("pull", `docker:${HELLO}`);
  for (const words of [
    ["mount", HELLO, berth.path("seen")],
    ["run", HELLO, "true"],
  ])
    expect(await berth.atomic(...words)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(
        `Found more than one Image with name ${HELLO}; please specify with --storage.\n`,
      ),
    });
});
