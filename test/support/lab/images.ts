/**
 * The images that the demo and the system tests install: real programs of Debian packages, put together by umoci, so that
 * no line of berth takes part. Kept as OCI layouts.
 */
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cached, labFile } from "./cache.ts";
import { downloadPackages, unpackPackages } from "./debian.ts";
import { tool } from "./tool.ts";

export type ImageName = "etcd" | "agent" | "web" | "probe" | "probe-notify";

interface ImageRecipe {
  packages: readonly string[];
  /** Path in the image to the file of images/ that lies there, mode 0755. */
  files?: Record<string, string>;
  /** Settings of `umoci config`, without `--config.`; a list is the setting repeated. */
  config: Record<string, string | readonly string[]>;
}

const perl = ["perl-base", "libcrypt1", "libc6"];
const pathEnv = ["PATH=/usr/bin:/bin", "PERL_BADLANG=0"];
const title = "org.opencontainers.image.title";
const notify = "berth.notify=true";

const etcd: ImageRecipe = {
  packages: ["etcd-server", "libc6"],
  config: {
    entrypoint: "/usr/bin/etcd",
    env: [
      "ETCD_DATA_DIR=/var/lib/etcd",
      "ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:2379",
      "ETCD_ADVERTISE_CLIENT_URLS=http://127.0.0.1:2379",
      "ETCD_LISTEN_PEER_URLS=http://127.0.0.1:2380",
      "ETCD_LOGGER=zap",
      "ETCD_LOG_OUTPUTS=stderr",
    ],
    volume: "/var/lib/etcd",
    exposedports: "2379/tcp",
    label: [notify, `${title}=etcd key-value store`],
  },
};

const agent: ImageRecipe = {
  packages: ["busybox-static", ...perl, "etcd-client"],
  files: { "usr/bin/agent": "agent.sh", "usr/bin/notify": "notify.pl" },
  config: { entrypoint: "/usr/bin/agent", env: pathEnv, label: [notify, `${title}=Network agent`] },
};

const web: ImageRecipe = {
  packages: ["busybox-static"],
  files: { "usr/bin/web": "web.sh" },
  config: { entrypoint: "/usr/bin/web", env: pathEnv, exposedports: "8080/tcp", label: `${title}=Web page` },
};

const probe: ImageRecipe = {
  packages: ["busybox-static", ...perl],
  files: { "usr/bin/probe": "probe.pl" },
  config: {
    entrypoint: "/usr/bin/probe",
    cmd: ["first", "second word"],
    env: [...pathEnv, 'PROBE_FROM=the image\'s "own" $HOME %n'],
    workingdir: "/usr",
    volume: "/var/lib/probe",
    label: [`${title}=Probe`],
  },
};

const probeNotify: ImageRecipe = {
  ...probe,
  config: { ...probe.config, label: [notify, `${title}=Probe that says when it is ready`] },
};

const recipes: Record<ImageName, ImageRecipe> = { etcd, agent, web, probe, "probe-notify": probeNotify };

export const imageNames: readonly ImageName[] = Object.keys(recipes) as ImageName[];

/** Parts of Debian packages that a container has no use for. */
const unneeded = [
  "usr/share/doc",
  "usr/share/man",
  "usr/share/lintian",
  "usr/share/bug",
  "etc/init.d",
  "etc/default",
  "lib/systemd",
];

/** A directory with one OCI layout per image: `DIR/NAME`, tagged `latest`. */
export async function imageLayouts(): Promise<string> {
  const packages = [...new Set(imageNames.flatMap((name) => recipes[name].packages))];
  const debs = await downloadPackages("images", packages);
  const scripts = await scriptHashes();
  return cached({
    kind: "images",
    from: { recipes, scripts, debs },
    make: async (dir) => {
      for (const name of imageNames) await makeImage(join(dir, name), { debs, recipe: recipes[name] });
    },
  });
}

/** One layer a package, so that images share what they have in common, and one for what is ours. */
async function makeImage(
  layout: string,
  { debs, recipe }: { debs: string; recipe: ImageRecipe },
): Promise<void> {
  const image = `${layout}:latest`;
  await tool("umoci", ["init", "--layout", layout]);
  await tool("umoci", ["new", "--image", image]);
  for (const name of recipe.packages) {
    await addLayer(image, async (tree) => {
      await unpackPackages(tree, { debs, names: [name] });
      for (const path of unneeded) await rm(join(tree, path), { recursive: true, force: true });
      if (name === "libc6") await removeCharsets(tree);
      if (name === "busybox-static") await linkApplets(join(tree, "bin"));
    });
  }
  await addLayer(image, async (tree) => {
    for (const dir of ["tmp", "run", "proc", "sys", "dev"]) await mkdir(join(tree, dir));
    for (const [path, source] of Object.entries(recipe.files ?? {})) {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await copyFile(labFile(join("images", source)), join(tree, path));
      await chmod(join(tree, path), 0o755);
    }
  });
  const settings = Object.entries(recipe.config).flatMap(([key, values]) =>
    [values].flat().map((value) => `--config.${key}=${value}`),
  );
  await tool("umoci", ["config", "--image", image, ...settings]);
  await tool("umoci", ["gc", "--layout", layout]);
}

/** Adds a layer with what `fill` puts into a directory. `tar`: how its times and long names are written. */
export async function addLayer(
  image: string,
  fill: (tree: string) => Promise<void>,
  { tar: options = ["--mtime=@0"] }: { tar?: readonly string[] } = {},
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "berth-image-"));
  try {
    const tree = join(dir, "tree");
    await mkdir(tree, { mode: 0o755 });
    await fill(tree);
    const tar = join(dir, "layer.tar");
    const reproducible = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", ...options];
    await tool("tar", [...reproducible, "-C", tree, "-cf", tar, "."]);
    await tool("umoci", ["raw", "add-layer", "--image", image, tar]);
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** The character set tables of iconv, which no program here opens. */
async function removeCharsets(tree: string): Promise<void> {
  for (const lib of await readdir(join(tree, "usr/lib"))) {
    await rm(join(tree, "usr/lib", lib, "gconv"), { recursive: true, force: true });
  }
}

async function linkApplets(bin: string): Promise<void> {
  const { stdout } = await tool(join(bin, "busybox"), ["--list"]);
  for (const applet of stdout.split("\n").filter((name) => name !== "busybox")) {
    await symlink("busybox", join(bin, applet)).catch(() => undefined);
  }
}

async function scriptHashes(): Promise<string[]> {
  const { stdout } = await tool("sha256sum", ["agent.sh", "notify.pl", "web.sh", "probe.pl"], {
    cwd: labFile("images"),
  });
  return stdout.split("\n");
}
