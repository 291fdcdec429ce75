/** What is compared: the commands of berth and of the tools people use today, on one image in a directory of their own. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectDir } from "../support/lab/cache.ts";
import { tool } from "../support/lab/tool.ts";
import type { ImageName, Version } from "./images.ts";

export const phases = ["cold", "again", "checkout", "update", "prune"] as const;
export type Phase = (typeof phases)[number];

/** One measured step. `tool` is what the row is called: a checkout has references that are no tools. */
export interface Step {
  phase: Phase;
  tool: string;
  commands: string[][];
}

export interface Place {
  /** An empty directory. */
  dir: string;
  /** HOST:PORT */
  registry: string;
  image: ImageName;
  /** SHA-256 of each layer's blob in hex, lowest first. No `v2`: there is nothing to update to. */
  layers: Record<"v1", string[]> & Partial<Record<Version, string[]>>;
}

export interface Tool {
  name: string;
  /** Commands that say the version of what is used. */
  versions: string[][];
  env(place: Place): Record<string, string>;
  /** What is there before: configuration, an empty repository. */
  prepare(place: Place): Promise<void>;
  /** In their order, on the same directory. */
  steps(place: Place): Step[];
  /** Where the images and their checkouts lie. */
  stored(place: Place): string[];
}

const policy = '{ "default": [{ "type": "insecureAcceptAnything" }] }\n';

const berth: Tool = {
  name: "berth",
  versions: [
    ["node", join(projectDir, "bin/berth.js"), "--version"],
    ["node", "--version"],
  ],
  env: () => ({}),
  async prepare({ dir, registry }) {
    const containers = join(dir, "root/etc/containers");
    await mkdir(containers, { recursive: true });
    await writeFile(join(containers, "policy.json"), policy);
    await writeFile(
      join(containers, "registries.conf"),
      `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`,
    );
  },
  steps(place) {
    const { dir } = place;
    const root = join(dir, "root");
    const run = (...words: string[]): string[] => [
      process.execPath,
      join(projectDir, "bin/berth.js"),
      "--root",
      root,
      ...words,
    ];
    const state = join(root, "var/lib/berth");
    const checkoutOnce = join(projectDir, "test/bench/checkout-once.mjs");
    const reference = (version: Version): string => referenceOf(place, version);
    return forVersions(place, [
      { phase: "cold", tool: "berth", commands: [run("install", reference("v1"), "--name", "v1")] },
      { phase: "again", tool: "berth", commands: [run("pull", reference("v1"))] },
      {
        phase: "checkout",
        tool: "berth",
        commands: [[process.execPath, checkoutOnce, state, reference("v1"), join(state, "checkout")]],
      },
      { phase: "checkout", tool: "node -e 0", commands: [[process.execPath, "-e", "0"]] },
      {
        phase: "checkout",
        tool: "cp -al",
        commands: [["cp", "-al", join(state, "containers/v1.0/rootfs"), join(state, "copy")]],
      },
      { phase: "update", tool: "berth", commands: [run("install", reference("v2"), "--name", "v2")] },
      { phase: "prune", tool: "berth", commands: [run("uninstall", "v1"), run("rmi", reference("v1"))] },
    ]);
  },
  stored: ({ dir }) => [join(dir, "root")],
};

const podman: Tool = {
  name: "podman",
  versions: [["podman", "--version"]],
  env: temporaryIn,
  prepare: prepareTemporary,
  steps(place) {
    const { dir } = place;
    const run = (...words: string[]): string[] => [
      "podman",
      ...["--root", join(dir, "storage"), "--runroot", join(dir, "run"), "--storage-driver=overlay"],
      ...words,
    ];
    const pull = (version: Version): string[][] => [
      run(
        ...["pull", "--quiet", "--tls-verify=false", "--signature-policy", join(dir, "policy.json")],
        referenceOf(place, version),
      ),
    ];
    return forVersions(place, [
      { phase: "cold", tool: "podman", commands: pull("v1") },
      { phase: "again", tool: "podman", commands: pull("v1") },
      { phase: "update", tool: "podman", commands: pull("v2") },
      { phase: "prune", tool: "podman", commands: [run("rmi", referenceOf(place, "v1"))] },
    ]);
  },
  stored: ({ dir }) => [join(dir, "storage")],
};

const umoci: Tool = {
  name: "skopeo+umoci",
  versions: [
    ["skopeo", "--version"],
    ["umoci", "--version"],
  ],
  env: temporaryIn,
  prepare: prepareTemporary,
  steps(place) {
    const { dir } = place;
    const image = (version: Version): string => join(dir, `layout:${version}`);
    const unpack = (version: Version): string[][] => [
      skopeoCopy(place, version),
      ["umoci", "unpack", "--image", image(version), join(dir, version)],
    ];
    return forVersions(place, [
      { phase: "cold", tool: "skopeo+umoci", commands: unpack("v1") },
      { phase: "again", tool: "skopeo+umoci", commands: [skopeoCopy(place, "v1")] },
      { phase: "update", tool: "skopeo+umoci", commands: unpack("v2") },
      {
        phase: "prune",
        tool: "skopeo+umoci",
        commands: [
          ["umoci", "rm", "--image", image("v1")],
          ["umoci", "gc", "--layout", join(dir, "layout")],
          ["rm", "-rf", join(dir, "v1")],
        ],
      },
    ]);
  },
  stored: ({ dir }) => [join(dir, "layout"), join(dir, "v1"), join(dir, "v2")],
};

/** As Atomic did it: each layer is a commit, the checkout is their union. The layout is only a stop on the way. */
const ostree: Tool = {
  name: "skopeo+ostree",
  versions: [
    ["skopeo", "--version"],
    ["ostree", "--version"],
  ],
  env: temporaryIn,
  async prepare(place) {
    await prepareTemporary(place);
    await tool("ostree", ["init", "--mode=bare", `--repo=${join(place.dir, "repo")}`]);
  },
  steps(place) {
    const { dir, layers } = place;
    const run = (verb: string, ...words: string[]): string[] => [
      "ostree",
      verb,
      `--repo=${join(dir, "repo")}`,
      ...words,
    ];
    const commit = (hex: string): string[] =>
      run(
        ...["commit", `--branch=layer/${hex}`, "--tar-autocreate-parents"],
        `--tree=tar=${join(dir, "layout/blobs/sha256", hex)}`,
      );
    const checkout = (version: Version, into: string): string[][] =>
      (layers[version] ?? []).map((hex) =>
        run("checkout", "--union", "--whiteouts", `layer/${hex}`, join(dir, into)),
      );
    const install = (version: Version): string[][] => [
      skopeoCopy(place, version),
      ...(layers[version] ?? []).map(commit),
      ["rm", "-rf", join(dir, "layout")],
      ...checkout(version, version),
    ];
    const gone = layers.v1.filter((hex) => !layers.v2?.includes(hex)).map((hex) => `layer/${hex}`);
    return forVersions(place, [
      { phase: "cold", tool: "skopeo+ostree", commands: install("v1") },
      { phase: "checkout", tool: "skopeo+ostree", commands: checkout("v1", "checkout") },
      { phase: "update", tool: "skopeo+ostree", commands: install("v2") },
      {
        phase: "prune",
        tool: "skopeo+ostree",
        commands: [
          ["rm", "-rf", join(dir, "v1")],
          run("refs", "--delete", ...gone),
          run("prune", "--refs-only"),
        ],
      },
    ]);
  },
  stored: ({ dir }) => [join(dir, "repo"), join(dir, "v1"), join(dir, "v2")],
};

export const tools: readonly Tool[] = [berth, podman, umoci, ostree];

function referenceOf({ registry, image }: Place, version: Version): string {
  return `${registry}/${image}:${version}`;
}

function forVersions({ layers }: Place, steps: Step[]): Step[] {
  return layers.v2 === undefined
    ? steps.filter(({ phase }) => phase !== "update" && phase !== "prune")
    : steps;
}

function skopeoCopy(place: Place, version: Version): string[] {
  return [
    "skopeo",
    ...["copy", "--quiet", "--policy", join(place.dir, "policy.json"), "--src-tls-verify=false"],
    `docker://${referenceOf(place, version)}`,
    `oci:${join(place.dir, "layout")}:${version}`,
  ];
}

function temporaryIn({ dir }: Place): Record<string, string> {
  return { TMPDIR: join(dir, "tmp") };
}

async function prepareTemporary({ dir }: Place): Promise<void> {
  await mkdir(join(dir, "tmp"));
  await writeFile(join(dir, "policy.json"), policy);
}
