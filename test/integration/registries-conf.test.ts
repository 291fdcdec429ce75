/**
 * registries.conf as berth and as skopeo read it: both ask the same registries for the same, in the same order. Not compared is `blocked` of
 * a prefix with another location: containers-registries.conf(5) forbids such pulls, as berth does, and skopeo 1.9 lets them through.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeImage } from "../support/images.ts";
import { CLEAN_ENVIRONMENT } from "../support/one-image.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { withSource } from "../support/sources.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const NAMES = ["MAIN", "ONE", "TWO"] as const;
const DIGEST = `sha256:${"a".repeat(64)}`;
let registries: Map<string, TestRegistry>;

beforeEach(async () => {
  for (const [name, value] of Object.entries(CLEAN_ENVIRONMENT)) vi.stubEnv(name, value);
  registries = new Map();
  for (const name of NAMES) registries.set(name, await startRegistry());
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const registry of registries.values()) await registry.close();
});

interface Table {
  prefix?: string;
  location?: string;
  digestOnly?: boolean;
  /** Name of the registry (with a path) to its pull-from-mirror. */
  mirrors?: Record<string, string>;
}

function tomlOf({ prefix, location, digestOnly, mirrors = {} }: Table): string {
  const lines = ["[[registry]]", "insecure = true"];
  if (prefix !== undefined) lines.push(`prefix = "${prefix}"`);
  if (location !== undefined) lines.push(`location = "${located(location)}"`);
  if (digestOnly !== undefined) lines.push(`mirror-by-digest-only = ${digestOnly}`);
  for (const [mirror, pull] of Object.entries(mirrors)) {
    lines.push("[[registry.mirror]]", `location = "${located(mirror)}"`, "insecure = true");
    if (pull !== "") lines.push(`pull-from-mirror = "${pull}"`);
  }
  return `${lines.join("\n")}\n`;
}

/** `ONE/path` with the address of that registry. */
function located(name: string): string {
  const [first = "", ...rest] = name.split("/");
  return [registries.get(first)?.host ?? first, ...rest].join("/");
}

/** Which manifests were asked for since the last call, in order. */
function asked(): string[] {
  const all = [...registries].flatMap(([name, registry]) =>
    registry.requestsOf("manifest").map(({ url, at }) => ({ at, text: `${name} ${url}` })),
  );
  for (const registry of registries.values()) registry.requests.length = 0;
  return all.sort((a, b) => a.at - b.at).map(({ text }) => text);
}

const MIRRORED: Table = {
  prefix: "example.com",
  location: "MAIN",
  mirrors: { "ONE/deep/path": "", TWO: "all" },
};
const CHOOSY: Table = { ...MIRRORED, mirrors: { ONE: "digest-only", TWO: "tag-only" } };

test.each([
  [[MIRRORED], "example.com/team/app:1"],
  [[MIRRORED], `example.com/team/app@${DIGEST}`],
  [[CHOOSY], "example.com/team/app:1"],
  [[CHOOSY], `example.com/team/app@${DIGEST}`],
  [[{ ...MIRRORED, digestOnly: true, mirrors: { ONE: "" } }], "example.com/team/app:1"],
  [[{ ...MIRRORED, digestOnly: true, mirrors: { ONE: "" } }], `example.com/team/app@${DIGEST}`],
  [[{ prefix: "example.com/team", location: "ONE/x" }, MIRRORED], "example.com/team/app:1"],
  [[{ prefix: "example.com/team/app", location: "ONE/x" }, MIRRORED], "example.com/team/app:1"],
  [
    [
      { prefix: "example.com/team/ap", location: "ONE/x" },
      { ...MIRRORED, mirrors: {} },
    ],
    "example.com/team/app:1",
  ],
  [[{ prefix: "*.example.com", location: "MAIN/hub", mirrors: { ONE: "" } }], "sub.example.com/team/app:1"],
  [[{ prefix: "docker.io", location: "MAIN" }], "docker.io/library/app:1"],
] as [Table[], string][])("registries.conf %j, %s: asked as skopeo asks", async (tables, name) => {
  const root = await temporaryDirectory("root");
  const path = join(root, "etc/containers/registries.conf");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, tables.map(tomlOf).join("\n"));
  await expect(withSource(name, (source) => source.manifest(), { root })).rejects.toThrow();
  const ours = asked();
  const judge = await execa("skopeo", ["--registries-conf", path, "inspect", "--raw", `docker://${name}`], {
    reject: false,
  });
  expect(judge.exitCode).not.toBe(0);
  const theirs = asked();
  expect(ours).toEqual(theirs);
  expect(ours).not.toEqual([]);
});

test("the image comes from the first that has it, for skopeo and for berth", async () => {
  const image = await makeImage();
  registries.get("TWO")?.push("team/app", image, "1");
  registries.get("MAIN")?.push("team/app", image, "1");
  const root = await temporaryDirectory("root");
  const path = join(root, "etc/containers/registries.conf");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, tomlOf(MIRRORED));
  const { digest } = await withSource("example.com/team/app:1", (source) => source.manifest(), { root });
  expect(digest).toBe(image.digest);
  const ours = asked();
  const name = "docker://example.com/team/app:1";
  const { stdout } = await execa("skopeo", ["--registries-conf", path, "inspect", "--raw", name]);
  expect(JSON.parse(stdout)).toEqual(JSON.parse(image.manifest.toString()));
  expect(ours).toEqual(asked());
  expect(ours.map((line) => line.split(" ")[0])).toEqual(["ONE", "TWO"]);
});
