/**
 * Every transport to every other, by `berth copy`; skopeo says whether the copy is what it should be. The table in docs/transports.md is what this
 * test writes: `TRANSPORT_TABLE=FILE vitest run --project integration test/integration/transport-pairs.test.ts`.
 */
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { verbs } from "../../src/commands/verbs.ts";
import { parseReference, type Transport } from "../../src/oci/reference.ts";
import { run } from "../../src/run.ts";
import { resolveImage } from "../../src/transport/resolve-image.ts";
import { openSource } from "../../src/transport/source.ts";
import { collectingWorld } from "../support/cli.ts";
import { makeImage, makeMultiPlatform, type TestImage, writeLayout } from "../support/images.ts";
import { Places } from "../support/transports.ts";

const SOURCES: readonly Transport[] = [
  "docker",
  "oci",
  "oci-archive",
  "docker-archive",
  "dir",
  "docker-daemon",
  "containers-storage",
];
const DESTINATIONS = SOURCES.filter((transport) => transport !== "containers-storage");
/** The ends that keep no manifest: an image from them, or for them, has the digest of a made one. */
const MAKES_MANIFEST: readonly Transport[] = ["docker-archive", "docker-daemon", "containers-storage"];

/** Where they cannot be installed. */
const hasTools = ["podman", "skopeo"].every((tool) => spawnSync(tool, ["--version"]).status === 0);

const table = new Map<string, string>();

describe.runIf(hasTools)("pairs of transports", () => {
  let places: Places;
  let image: TestImage;

  beforeAll(async () => {
    places = await Places.start();
    vi.stubEnv("DOCKER_HOST", places.daemonHost);
    image = await makeImage({
      layers: [
        { "bin/": { type: "directory" }, "bin/app": Buffer.alloc(300_000, "app") },
        { "etc/app": "1\n" },
      ],
      config: { Cmd: ["/bin/app"], Labels: { "org.example.test": "pairs" }, Env: ["A=1"] },
    });
    await writeLayout(join(places.dir, "origin"), {
      one: image,
      many: await makeMultiPlatform(["linux/amd64", "linux/arm64/v8"]),
    });
    for (const transport of SOURCES)
      await places.skopeoCopy(`oci:${places.dir}/origin:one`, places.reference(transport, "from"));
  }, 120_000);

  afterAll(async () => {
    vi.unstubAllEnvs();
    await places.stop();
    const file = process.env["TRANSPORT_TABLE"];
    if (file !== undefined) await writeFile(file, tableText());
  });

  /** Runs a command of berth in this process; its result. */
  async function berth(...argv: string[]): Promise<Record<string, unknown>> {
    const { world, stdout, stderr } = collectingWorld({ verbs, env: {} });
    const status = await run(["--json", "--quiet", "--state", join(places.dir, "state"), ...argv], world);
    if (status !== 0) throw new Error(stderr());
    return JSON.parse(stdout()) as Record<string, unknown>;
  }

  const pairs = SOURCES.flatMap((from) => DESTINATIONS.map((to) => [from, to] as const));

  test.each(pairs)(
    "berth copy from %s to %s: skopeo agrees on digest and config",
    async (from, to) => {
      const [source, destination] = [places.reference(from, "from"), places.reference(to, `from-${from}`)];
      const copied = await berth("copy", "--tls-verify=false", source, destination);
      const judged = await places.inspect(destination);
      expect(judged.digest).toBe(copied["digest"]);
      expect(judged.config).toEqual(JSON.parse(image.config.toString()));
      const isKept = copied["digest"] === copied["sourceDigest"];
      if (!MAKES_MANIFEST.includes(from) && !MAKES_MANIFEST.includes(to))
        expect(copied["digest"]).toBe(image.digest);
      table.set(`${from} ${to}`, isKept ? "same digest" : "converted");
    },
    60_000,
  );

  test.each(SOURCES)(
    "what skopeo wrote to %s, berth reads: manifest, config and every layer",
    async (transport) => {
      const source = await openSource(parseReference(places.reference(transport, "from")), {
        tlsVerify: false,
      });
      try {
        const { digest, config, manifest } = await resolveImage(source);
        expect(config.diffIds).toEqual(image.diffIds);
        expect(digest).toBe((await places.inspect(places.reference(transport, "from"))).digest);
        for (const layer of manifest.layers) for await (const _chunk of source.blob(layer));
      } finally {
        await source.close();
      }
    },
  );

  test.each(["docker", "oci", "oci-archive", "dir"] as const)(
    "berth copy --all to %s keeps an index and its images",
    async (to) => {
      const destination = places.reference(to, "all");
      const copied = await berth(
        "copy",
        "--all",
        "--tls-verify=false",
        `oci:${places.dir}/origin:many`,
        destination,
      );
      expect(copied).toMatchObject({ images: 2 });
      expect(copied["digest"]).toBe(copied["sourceDigest"]);
      const back = await berth(
        "copy",
        "--all",
        "--tls-verify=false",
        destination,
        `oci:${places.dir}/back-${to}:many`,
      );
      expect(back["digest"]).toBe(copied["digest"]);
    },
  );

  test.each(["docker", "dir"] as const)(
    "berth copy --format v2s2 to %s is what skopeo reads as Docker's format",
    async (to) => {
      const destination = places.reference(to, "v2s2");
      const options = ["--format=v2s2", "--tls-verify=false"];
      const copied = await berth("copy", ...options, `oci:${places.dir}/origin:one`, destination);
      expect(copied["mediaType"]).toBe("application/vnd.docker.distribution.manifest.v2+json");
      expect((await places.inspect(destination)).digest).toBe(copied["digest"]);
    },
  );

  test.each(["gzip:1", "zstd", "zstd:19"])(
    "berth copy --compress %s is what skopeo reads",
    async (compress) => {
      const destination = places.reference("docker", `c-${compress.replace(":", "-")}`);
      const options = [`--compress=${compress}`, "--tls-verify=false"];
      const copied = await berth("copy", ...options, `oci:${places.dir}/origin:one`, destination);
      expect((await places.inspect(destination)).digest).toBe(copied["digest"]);
      await places.skopeoCopy(destination, `dir:${places.dir}/dirs/${compress.replace(":", "-")}`);
    },
  );

  test.each([
    ["zstd in v2s2", ["--format=v2s2", "--compress=zstd"], "dir", "cannot hold layers compressed with zstd"],
    ["an index in a docker-archive", ["--all"], "docker-archive", "holds one image, not an index"],
    [
      "compressed layers in a docker-archive",
      ["--compress=gzip"],
      "docker-archive",
      "holds layers uncompressed",
    ],
    ["anything in containers-storage", [], "containers-storage", "for reading only"],
  ] as const)("berth copy refuses %s, with the reason", async (name, options, to, reason) => {
    const from = `oci:${places.dir}/origin:${name.includes("index") ? "many" : "one"}`;
    await expect(berth("copy", ...options, from, places.reference(to, "refused"))).rejects.toThrow(reason);
  });

  test("berth copy refuses an image in Docker's format for oci:, and says how it can be had", async () => {
    const v2s2 = places.reference("dir", "in-v2s2");
    await berth("copy", "--format=v2s2", `oci:${places.dir}/origin:one`, v2s2);
    const to = places.reference("oci", "in-v2s2");
    await expect(berth("copy", v2s2, to)).rejects.toThrow("--format oci converts it");
    const copied = await berth("copy", "--format=oci", v2s2, to);
    expect(copied["digest"]).toBe((await places.inspect(to)).digest);
  });
});

function tableText(): string {
  const head = ["from \\ to", ...DESTINATIONS];
  const rows = SOURCES.map((from) => [
    from,
    ...DESTINATIONS.map((to) => table.get(`${from} ${to}`) ?? "failed"),
  ]);
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return `${lines.join("\n")}\n`;
}
