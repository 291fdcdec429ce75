/** Names of images and scopes of trust as Atomic read them. Names begin with the statements that they show. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { parseReference } from "../../src/oci/reference.ts";
import { Berth } from "../support/berth.ts";
import { makeImage, writeLayout } from "../support/images.ts";
import { temporaryDirectory } from "../support/temporary.ts";

let berth: Berth;
let root: string;

beforeEach(async () => {
  root = await temporaryDirectory("root");
  const opened = await Berth.open({ root });
  berth = opened;
  onTestFinished(() => opened.close());
});

const DIGEST = `sha256:${"a".repeat(64)}`;

test.each([
  ["docker.io/library/busybox", "docker.io", "library/busybox", "latest", undefined],
  ["docker.io/busybox:2.1", "docker.io", "library/busybox", "2.1", undefined],
  ["docker.io:5000/busybox", "docker.io:5000", "busybox", "latest", undefined],
  ["busybox", "docker.io", "library/busybox", "latest", undefined],
  ["library/busybox:2.1", "docker.io", "library/busybox", "2.1", undefined],
  ["registry.access.redhat.com/rhel7", "registry.access.redhat.com", "rhel7", "latest", undefined],
  [`fedora@${DIGEST}`, "docker.io", "library/fedora", undefined, DIGEST],
  [`docker.io/fedora@${DIGEST}`, "docker.io", "library/fedora", undefined, DIGEST],
])("87: the parts of %s", (name, registry, repository, tag, digest) => {
  const parsed = parseReference(name) as {
    registry: string;
    repository: string;
    tag?: string;
    digest?: string;
  };
  expect([parsed.registry, parsed.repository, parsed.tag, parsed.digest]).toEqual([
    registry,
    repository,
    tag,
    digest,
  ]);
});

test("82: an image called as a digest could begin is a name, and its tag is latest", async () => {
  await writeFile(join(root, "policy"), "");
  await writeLayout(berth.path("layout"), { latest: await makeImage() });
  await berth.json("trust", "default", "accept");
  for (const name of ["cafe:latest", "deadbeef:latest"]) {
    await berth.json("pull", `oci:${berth.path("layout")}:latest`, "--as", name);
    expect((await berth.atomic("images", "list", "-n", "-f", `repo=${name.split(":")[0]}`)).stdout).toMatch(
      / latest /,
    );
  }
  const names = await readdir(berth.path("state/store/names"));
  expect(names.filter((name) => /^[0-9a-f]+$/.test(name))).toEqual([]);
  expect(await berth.atomic("-y", "images", "delete", "cafe")).toMatchObject({ status: 0 });
});

test.each([
  ["example.com", true],
  ["example.com:5000", true],
  ["example.US.com", true],
  ["example.com/image/name:version1", true],
  ["example_inc.com", true],
  ["example.com/image/foo_bar", true],
  ["example.com/Image/name", false],
  ["example.com/image(name):latest", false],
  ["example[us].com", false],
  ["example.com#foo/bar", false],
])("88: trust takes the scope %s: %s", async (scope, taken) => {
  await berth.atomic("trust", "default", "reject");
  const { status } = await berth.atomic("trust", "add", "--type", "insecureAcceptAnything", scope);
  expect(status === 0).toBe(taken);
});

test("92: trust default, add, delete: web is a registry, local a directory", async () => {
  const policy = async () => JSON.parse(await readFile(join(root, "etc/containers/policy.json"), "utf8"));
  expect(await berth.atomic("trust", "default", "accept")).toMatchObject({ status: 0 });
  expect(await policy()).toMatchObject({ default: [{ type: "insecureAcceptAnything" }] });
  for (const [kind, scope] of [
    ["web", "example.com"],
    ["local", "/srv/images"],
  ] as const)
    expect(
      await berth.atomic("trust", "add", "--sigstoretype", kind, "--type", "reject", scope),
    ).toMatchObject({ status: 0 });
  expect((await policy()).transports).toMatchObject({
    docker: { "example.com": [{ type: "reject" }] },
    dir: { "/srv/images": [{ type: "reject" }] },
  });
  expect(await berth.atomic("trust", "delete", "example.com")).toMatchObject({ status: 0 });
  expect((await policy()).transports.docker ?? {}).not.toHaveProperty("example.com");
});

test("91: images delete takes names or --all, and --all needs an image", async () => {
  for (const words of [[], ["--all", "x"]])
    expect(await berth.atomic("-y", "images", "delete", ...words)).toMatchObject({ status: 2 });
  expect(await berth.atomic("-y", "images", "delete", "--all")).toMatchObject({ status: 1 });
});
