/** The verbs that move images, against a registry that speaks the protocol, a store on disk, and skopeo where it is the judge. */
import { createHash } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CopyResult } from "../../src/deploy/copy.ts";
import type { ListedImage } from "../../src/deploy/images.ts";
import type { RemoteImage } from "../../src/deploy/inspect-remote.ts";
import type { Saved } from "../../src/deploy/save.ts";
import type { Synced } from "../../src/deploy/sync.ts";
import { Berth } from "../support/berth.ts";
import {
  type ImageOptions,
  makeImage,
  makeLayer,
  makeMultiPlatform,
  type TestImage,
  writeLayout,
} from "../support/images.ts";
import { insecureRoot, startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;
let root: string;
let berth: Berth;
let app: TestImage;
let tool: TestImage;

beforeEach(async () => {
  registry = await startRegistry();
  root = await insecureRoot(registry.host);
  berth = await Berth.open({ root });
  const base = await makeLayer({ "usr/lib/base": Buffer.alloc(50_000, "base") });
  const own = (name: string, more: ImageOptions): Promise<TestImage> =>
    makeImage({ layers: [base, { [`usr/bin/${name}`]: name }], ...more });
  app = await own("app", { config: { Labels: { team: "a", tier: "1" } } });
  tool = await own("tool", {
    config: { Labels: { team: "b" } },
    configOverrides: { created: "2002-01-01T00:00:00Z" },
  });
});

afterEach(async () => {
  await berth.close();
  await registry.close();
  await rm(root, { recursive: true });
});

const names = async (...filters: string[]): Promise<string[]> => {
  const options = filters.flatMap((filter) => ["--filter", filter]);
  return (await berth.json<{ images: ListedImage[] }>("images", ...options)).images.map(({ name }) => name);
};

test("push sends a pulled image with its digest: the blobs come from where it was pulled", async () => {
  const from = registry.push("team/app", app, "1");
  await berth.json("pull", from);
  const pushed = await berth.json<CopyResult>("push", "team/app:1", `${registry.host}/copies/app:2`);
  expect(pushed.digest).toBe(app.digest);
  expect(pushed.blobs.copied + pushed.blobs.present).toBe(3);
  const back = await berth.json<CopyResult>(
    "copy",
    `${registry.host}/copies/app:2`,
    `oci:${berth.path("back")}:x`,
  );
  expect(back.digest).toBe(app.digest);
});

test("push without a place where the blobs are fails, says so, and --from or --rebuild helps", async () => {
  const layout = berth.path("layout");
  await writeLayout(layout, { one: app });
  await berth.json("pull", `oci:${layout}:one`, "--as", "example.com/app:1");
  await rm(layout, { recursive: true });
  const to = `dir:${berth.path("out")}`;
  const { status, stderr } = await berth.run("push", "app:1", to);
  expect(status).toBe(1);
  expect(stderr).toContain(`but not its layers, and oci:${layout}:one cannot give them`);
  expect(stderr).toContain("--rebuild");
  const elsewhere = berth.path("elsewhere");
  await writeLayout(elsewhere, { one: app });
  const pushed = await berth.json<CopyResult>("push", "app:1", to, "--from", `oci:${elsewhere}:one`);
  expect(pushed.digest).toBe(app.digest);
});

test("push --rebuild makes new layers of the same files, which skopeo and umoci read", async () => {
  const files = {
    "etc/": { type: "directory" as const, mode: 0o750 },
    "etc/app.conf": { content: "a=1\n", pax: { uid: "3000000", mtime: "1234567890.123" } },
    "etc/link": { type: "symlink" as const, linkname: "app.conf" },
    "etc/hard": { type: "link" as const, linkname: "etc/app.conf" },
    [`usr/${"long/".repeat(30)}file`]: "deep",
    "usr/bin/cap": { content: "x", pax: { "SCHILY.xattr.user.note": "value" } },
  };
  const image = await makeImage({ layers: [{ gone: "x", ...files }, { ".wh.gone": "" }] });
  await berth.json("pull", registry.push("team/app", image, "1"));
  const layout = `oci:${berth.path("rebuilt")}:x`;
  const pushed = await berth.json<CopyResult>("push", "team/app:1", layout, "--rebuild");
  expect(pushed.digest).not.toBe(image.digest);
  await berth.json("pull", layout, "--as", "rebuilt:1");
  const unpacked = await execa("umoci", [
    "unpack",
    "--image",
    `${berth.path("rebuilt")}:x`,
    berth.path("bundle"),
  ]);
  expect(unpacked.exitCode).toBe(0);
  const rootfs = berth.path("bundle/rootfs");
  expect(await readdir(rootfs)).toEqual(["etc", "usr"]);
  const [conf, hard] = [await stat(join(rootfs, "etc/app.conf")), await stat(join(rootfs, "etc/hard"))];
  expect(hard.ino).toBe(conf.ino);
  expect(conf.uid).toBe(3_000_000);
  expect(conf.mtimeMs).toBe(1_234_567_890_123);
  expect((await berth.json<CopyResult>("push", "team/app:1", layout, "--rebuild")).digest).toBe(
    pushed.digest,
  );
});

test("pull --keep-blobs keeps the layers as they came: push then needs no source", async () => {
  const layout = berth.path("layout");
  await writeLayout(layout, { one: app });
  await berth.json("pull", `oci:${layout}:one`, "--as", "example.com/app:1");
  await berth.json("pull", "--keep-blobs", `oci:${layout}:one`, "--as", "example.com/app:1");
  await rm(layout, { recursive: true });
  const pushed = await berth.json<CopyResult>("push", "app:1", `oci:${berth.path("out")}:x`);
  expect(pushed.digest).toBe(app.digest);
  expect((await readdir(berth.path("state/store/blobs"))).length).toBe(2);
});

test("save writes every layer once; load has all of it again, with the same digests", async () => {
  for (const [name, image] of [
    ["app", app],
    ["tool", tool],
  ] as const)
    await berth.json("pull", registry.push(`team/${name}`, image, "1"));
  const archive = berth.path("images.tar");
  const saved = await berth.json<Saved>("save", "team/app:1", "team/tool:1", "-o", archive);
  expect(saved.blobs).toMatchObject({ copied: 5, present: 1 });
  const { stdout } = await execa("tar", ["-tf", archive]);
  const members = stdout.split("\n");
  expect(new Set(members).size).toBe(members.length);
  const other = await Berth.open({ root });
  try {
    const loaded = await other.json<{ images: ListedImage[] }>("load", archive);
    expect(loaded.images.map(({ name, digest }) => [name, digest])).toEqual([
      [`${registry.host}/team/app:1`, app.digest],
      [`${registry.host}/team/tool:1`, tool.digest],
    ]);
  } finally {
    await other.close();
  }
});

test("statement 19: load refuses an archive whose image has a name that is none", async () => {
  const layout = berth.path("evil");
  await writeLayout(layout, { "../../etc/passwd": app });
  await execa("tar", ["-C", layout, "-cf", berth.path("evil.tar"), "."]);
  const { status, stderr } = await berth.run("load", berth.path("evil.tar"));
  expect(status).toBe(1);
  expect(stderr).toContain("is not an image reference");
  expect(await names()).toEqual([]);
});

test("pull --as refuses a name that is none", async () => {
  const { status, stderr } = await berth.run("pull", registry.push("team/app", app, "1"), "--as", "../x");
  expect([status, stderr]).toEqual([1, expect.stringContaining("is not an image reference")]);
});

test("load takes what docker save writes, compressed too", async () => {
  await writeLayout(berth.path("layout"), { one: app });
  const archive = berth.path("docker.tar");
  await execa("skopeo", [
    "copy",
    `oci:${berth.path("layout")}:one`,
    `docker-archive:${archive}:example.com/app:7`,
  ]);
  await execa("gzip", [archive]);
  await berth.json("load", `${archive}.gz`);
  expect(await names()).toEqual(["example.com/app:7"]);
});

test("an image that a docker-archive brought is pushed with compressed layers, and says that it was converted", async () => {
  await writeLayout(berth.path("layout"), { one: app });
  const archive = `docker-archive:${berth.path("docker.tar")}:example.com/app:7`;
  await berth.json("copy", `oci:${berth.path("layout")}:one`, archive);
  await berth.json("pull", archive, "--as", "example.com/app:7");
  const layout = `oci:${berth.path("out")}:x`;
  const pushed = await berth.json<CopyResult>("push", "app:7", layout);
  expect(pushed.digest).not.toBe(pushed.sourceDigest);
  expect(await layerTypes(layout)).toEqual(
    app.layers.map(() => "application/vnd.oci.image.layer.v1.tar+gzip"),
  );
});

test("copy --format oci of layers that are not what Docker's type says gives them the type that they have", async () => {
  await writeLayout(berth.path("layout"), { one: app });
  const archive = `docker-archive:${berth.path("docker.tar")}:example.com/app:7`;
  await berth.json("copy", `oci:${berth.path("layout")}:one`, archive);
  await berth.json("copy", archive, `dir:${berth.path("plain")}`);
  const layout = `oci:${berth.path("out")}:x`;
  await berth.json("copy", "--format", "oci", `dir:${berth.path("plain")}`, layout);
  expect(await layerTypes(layout)).toEqual(app.layers.map(() => "application/vnd.oci.image.layer.v1.tar"));
});

async function layerTypes(reference: string): Promise<string[]> {
  const { layers } = await berth.json<RemoteImage>("inspect", "--remote", reference);
  return layers.map(({ mediaType }) => mediaType);
}

test("tag gives an image one more name, and push takes it there", async () => {
  await berth.json("pull", registry.push("team/app", app, "1"));
  await berth.json("tag", "team/app:1", `${registry.host}/other/app:9`);
  expect(await names()).toEqual([`${registry.host}/other/app:9`, `${registry.host}/team/app:1`]);
  expect((await berth.json<CopyResult>("push", "other/app:9")).digest).toBe(app.digest);
  const { stderr } = await berth.run("tag", "team/app:1", "Not A Name");
  expect(stderr).toContain("is not an image reference");
});

test.each([
  [["reference=team/app"], ["team/app:1"]],
  [["reference=*:1"], ["team/app:1", "team/tool:1"]],
  [["reference=app"], ["team/app:1"]],
  [["label=team"], ["team/app:1", "team/tool:1"]],
  [["label=team=b"], ["team/tool:1"]],
  [["label=team", "label=tier=1"], ["team/app:1"]],
  [["before=team/tool:1"], ["team/app:1"]],
  [["since=team/app:1"], ["team/tool:1"]],
  [["reference=nothing"], []],
])("images --filter %j", async (filters, expected) => {
  for (const [name, image] of [
    ["app", app],
    ["tool", tool],
  ] as const)
    await berth.json("pull", registry.push(`team/${name}`, image, "1"));
  expect(await names(...filters)).toEqual(expected.map((name) => `${registry.host}/${name}`));
});

test("images --filter refuses other words", async () => {
  const { status, stderr } = await berth.run("images", "--filter", "dangling=true");
  expect(status).toBe(2);
  expect(stderr).toContain("reference=PATTERN");
});

test("inspect --remote asks for the manifest and the config once, and for no layer", async () => {
  const name = registry.push("team/tool", tool, "1");
  await berth.json("pull", registry.push("team/app", app, "1"));
  registry.heal();
  const remote = await berth.json<RemoteImage>("inspect", "--remote", name);
  expect(registry.requestsOf("manifest")).toHaveLength(1);
  const [config, ...layers] = registry.requestsOf("blob");
  expect(config?.url).toContain(
    (JSON.parse(tool.manifest.toString()) as { config: { digest: string } }).config.digest,
  );
  expect(layers).toEqual([]);
  const [base = 0, own = 0] = tool.layers.map(({ length }) => length);
  expect(remote).toMatchObject({ digest: tool.digest, size: base + own, download: own });
  expect(remote.layers.map(({ here }) => here)).toEqual([true, false]);
  const { stdout } = await berth.run("inspect", "--remote", name);
  expect(stdout).toMatch(/to download: +\d+ B/);
});

test("inspect --remote of an index names both digests", async () => {
  const many = await makeMultiPlatform(["linux/amd64", "linux/arm64"]);
  const name = registry.push("team/many", many, "1");
  const remote = await berth.json<RemoteImage>("inspect", "--remote", "--platform", "linux/arm64", name);
  expect(remote).toMatchObject({ index: many.digest, digest: many.children[1]?.digest });
});

test("inspect --raw and --config print the bytes, here and remote", async () => {
  const name = registry.push("team/app", app, "1");
  await berth.json("pull", name);
  const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
  expect(sha256((await berth.run("inspect", "--raw", name)).stdout)).toBe(app.digest);
  expect(sha256((await berth.run("inspect", "--remote", "--raw", name)).stdout)).toBe(app.digest);
  expect((await berth.run("inspect", "--config", name)).stdout).toBe(app.config.toString());
  expect((await berth.run("inspect", "--remote", "--config", name)).stdout).toBe(app.config.toString());
});

test("copy of a short name takes the image of the store", async () => {
  await berth.json("pull", registry.push("team/app", app, "1"));
  const copied = await berth.json<CopyResult>("copy", "app:1", `dir:${berth.path("out")}`);
  expect(copied.digest).toBe(app.digest);
});

test("copy sends no blob that is there, and mounts those of another repository", async () => {
  const name = registry.push("team/app", app, "1");
  const first = await berth.json<CopyResult>("copy", name, `${registry.host}/new/app:1`);
  expect(first.blobs).toEqual({ copied: 0, present: 3, bytes: 0 });
  registry.heal();
  await berth.json("copy", name, `${registry.host}/new/app:2`);
  expect(registry.requests.filter(({ method }) => method === "POST" || method === "PATCH")).toEqual([]);
  expect(registry.requests.at(-1)?.method).toBe("PUT");
});

test.each(["oci", "dir", "docker"])(
  "sync brings tags to %s:, and later only what changed",
  async (transport) => {
    const many = await makeMultiPlatform(["linux/amd64", "linux/arm64"]);
    for (const [tag, content] of [
      ["v1", app],
      ["v2", many],
      ["latest", app],
    ] as const)
      registry.push("team/app", content, tag);
    const to =
      transport === "docker" ? `${registry.host}/mirror/app` : `${transport}:${berth.path("mirror")}`;
    const states = async (...options: string[]): Promise<string[]> => {
      const { images } = await berth.json<Synced>("sync", ...options, `${registry.host}/team/app`, to);
      return images.map(({ tag, state }) => `${tag} ${state}`);
    };
    expect(await states("--tag", "v*", "--dry-run")).toEqual(["v1 would copy", "v2 would copy"]);
    expect(await states("--tag", "v*")).toEqual(["v1 copied", "v2 copied"]);
    registry.push("team/app", tool, "v1");
    expect((await states()).sort()).toEqual(["latest copied", "v1 copied", "v2 unchanged"]);
    const at = transport === "docker" ? `${to}:v2` : transport === "oci" ? `${to}:v2` : `${to}/v2`;
    expect((await berth.json<{ digest: string }>("inspect", "--remote", "--raw", at)).digest).toBe(
      many.digest,
    );
  },
);

test("sync goes on after an image that cannot be copied, and then fails", async () => {
  registry.push("team/app", app, "good");
  registry.push("team/app", tool, "bad");
  const [, layer = Buffer.alloc(0)] = tool.layers;
  registry.replaceBlob(
    "team/app",
    `sha256:${createHash("sha256").update(layer).digest("hex")}`,
    Buffer.from("x"),
  );
  const { status, stdout } = await berth.run(
    "sync",
    `${registry.host}/team/app`,
    `oci:${berth.path("mirror")}`,
  );
  expect(status).toBe(1);
  expect(stdout).toMatch(/good .*copied/);
  expect(stdout).toMatch(/bad: blob sha256:.* has 1 bytes, expected/);
});

test("copy asks the policy for its source", async () => {
  const strict = await insecureRoot(registry.host);
  const { writeFile } = await import("node:fs/promises");
  await writeFile(join(strict, "etc/containers/policy.json"), '{"default":[{"type":"reject"}]}');
  const refused = await Berth.open({ root: strict });
  try {
    const { stderr } = await refused.run(
      "copy",
      registry.push("team/app", app, "1"),
      `dir:${refused.path("out")}`,
    );
    expect(stderr).toContain("is rejected by policy");
    await expect(readdir(refused.path("out"))).rejects.toThrow("ENOENT");
  } finally {
    await refused.close();
    await rm(strict, { recursive: true });
  }
});

test.each(["oci", "oci-archive", "docker-archive", "dir"])(
  "a copy to %s: that fails leaves nothing",
  async (transport) => {
    const name = registry.push("team/app", app, "1");
    const [, layer = Buffer.alloc(0)] = app.layers;
    registry.replaceBlob(
      "team/app",
      `sha256:${createHash("sha256").update(layer).digest("hex")}`,
      Buffer.alloc(layer.length),
    );
    const { status } = await berth.run("copy", name, `${transport}:${berth.path("out/image")}`);
    expect(status).toBe(1);
    const left = await readdir(berth.path("out"), { recursive: true });
    expect(left.filter((file) => /index\.json|manifest|~|tar$/.test(file))).toEqual([]);
  },
);
