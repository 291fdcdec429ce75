/**
 * The images that are measured, made once and kept as the storage of a registry: `small` (etcd) and `big` of Debian packages, each as `v1` from the
 * stable release and as `v2` rebuilt with its later updates, so that all layers are new and most files the same; `files-N` of N small files.
 */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { cached } from "../support/lab/cache.ts";
import { downloadGroups, sources } from "../support/lab/debian.ts";
import { addLayer } from "../support/lab/images.ts";
import { tool } from "../support/lab/tool.ts";
import { startRegistry } from "./registry.ts";

export type PackageImage = "small" | "big";
export type ImageName = PackageImage | `files-${number}`;
export type Version = "v1" | "v2";

interface Recipe {
  /** One layer a group, with all that the packages depend on and no layer before has. */
  layers: readonly (readonly string[])[];
  entrypoint: string;
}

const base = ["bash", "coreutils", "util-linux", "apt", "dpkg"];

const recipes: Record<PackageImage, Recipe> = {
  small: { layers: [base, ["etcd-server", "etcd-client"]], entrypoint: "/usr/bin/etcd" },
  big: {
    layers: [
      base,
      ["build-essential", "git"],
      ["python3", "python3-numpy"],
      ["nodejs"],
      ["postgresql-15"],
      ["golang-1.19-src"],
      ["apache2", "vim"],
    ],
    entrypoint: "/usr/lib/postgresql/15/bin/postgres",
  },
};

/** The release as it was, and with what came later. */
const packageSources: Record<Version, readonly string[]> = { v1: sources.slice(0, 1), v2: sources };

/** Times as in the packages, and PAX headers where they are needed, as Go's writers do. */
const tarOptions = ["--format=pax", "--pax-option=delete=atime,delete=ctime"];

/** The storage directory of a registry that holds `NAME:v1` (and `NAME:v2`). */
export async function imageStorage(name: ImageName): Promise<string> {
  return name === "small" || name === "big" ? packageStorage(name) : filesStorage(name);
}

async function packageStorage(name: PackageImage): Promise<string> {
  const recipe = recipes[name];
  return cached({
    kind: `bench-${name}`,
    from: { recipe, packageSources, tarOptions },
    make: (storage) =>
      fillRegistry(storage, name, async (layout) => {
        for (const version of ["v1", "v2"] as const) {
          const groups = { groups: recipe.layers, lines: packageSources[version] };
          const debs = await downloadGroups(`bench-${name}-${version}`, groups);
          await addPackageImage(`${layout}:${version}`, { debs, recipe, version });
          await rm(debs, { recursive: true });
        }
      }),
  });
}

async function addPackageImage(
  image: string,
  { debs, recipe, version }: { debs: string; recipe: Recipe; version: Version },
): Promise<void> {
  await tool("umoci", ["new", "--image", image]);
  for (const at of recipe.layers.keys()) {
    const fill = async (tree: string): Promise<void> => {
      for (const deb of await readdir(join(debs, String(at))))
        await tool("dpkg-deb", ["-x", join(debs, String(at), deb), tree]);
      await mkdir(join(tree, "usr/share/bench"), { recursive: true });
      await writeFile(join(tree, "usr/share/bench", `layer-${at}`), `${version}\n`); // so that no layer of v1 is one of v2
    };
    await addLayer(image, fill, { tar: tarOptions });
  }
  await tool("umoci", ["config", "--image", image, `--config.entrypoint=${recipe.entrypoint}`]);
}

async function filesStorage(name: `files-${number}`): Promise<string> {
  const count = Number(name.slice("files-".length));
  return cached({
    kind: `bench-${name}`,
    from: { count, size: FILE_SIZE },
    make: (storage) =>
      fillRegistry(storage, name, async (layout) => {
        const dir = await mkdtemp(join(tmpdir(), "berth-bench-"));
        try {
          const tar = join(dir, "layer.tar");
          await pipeline(manyFiles(count), createWriteStream(tar));
          await tool("umoci", ["new", "--image", `${layout}:v1`]);
          await tool("umoci", ["raw", "add-layer", "--image", `${layout}:v1`, tar]);
          await tool("umoci", ["config", "--image", `${layout}:v1`, "--config.entrypoint=/0/0"]);
        } finally {
          await rm(dir, { recursive: true });
        }
      }),
  });
}

const FILE_SIZE = 900;
const FILES_A_DIRECTORY = 100;

function manyFiles(count: number): ReturnType<typeof pack> {
  const archive = pack();
  const mtime = new Date(1_000_000_000_000);
  for (let at = 0; at < count; at++) {
    const dir = Math.floor(at / FILES_A_DIRECTORY);
    if (at % FILES_A_DIRECTORY === 0)
      archive.entry({ name: `${dir}/`, type: "directory", mode: 0o755, mtime });
    const content = createHash("sha256").update(String(at)).digest("hex").repeat(15).slice(0, FILE_SIZE);
    archive.entry({ name: `${dir}/${at}`, mode: 0o755, mtime }, content);
  }
  archive.finalize();
  return archive;
}

/** Has `fill` put images into a layout, and copies them into the storage of a registry. */
async function fillRegistry(
  storage: string,
  name: ImageName,
  fill: (layout: string) => Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "berth-bench-"));
  const registry = await startRegistry(storage);
  try {
    const layout = join(dir, "layout");
    await tool("umoci", ["init", "--layout", layout]);
    await fill(layout);
    const { stdout: versions } = await tool("umoci", ["list", "--layout", layout]);
    for (const version of versions.split("\n")) {
      const to = `docker://${registry.address}/${name}:${version}`;
      const options = ["--quiet", "--insecure-policy", "--dest-tls-verify=false"];
      await tool("skopeo", ["copy", ...options, `oci:${layout}:${version}`, to]);
    }
  } finally {
    await registry.stop();
    await rm(dir, { recursive: true });
  }
}
