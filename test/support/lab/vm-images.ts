/** Images for the virtual machine: one that takes what it can get, and one in several versions. Made of the laboratory's others. */
import { chmod, copyFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { noise } from "../raw-image.ts";
import { cached, labFile } from "./cache.ts";
import { addLayer, imageLayouts } from "./images.ts";
import { tool } from "./tool.ts";

/** `oci:/opt/images/page-N` prints `version N` and runs until it is told to stop. */
export const pageVersions = [1, 2, 3, 4] as const;

/** Of each version, and as many more that all have. */
const pageFiles = 60;

/** A directory with OCI layouts tagged `latest`: `greedy` and `page-N`. */
export async function vmImages(): Promise<string> {
  const layouts = await imageLayouts();
  const scripts = await Promise.all(["greedy.pl", "page.sh"].map((name) => readFile(scriptOf(name), "utf8")));
  return cached({
    kind: "vm-images",
    from: { layouts: basename(layouts), scripts, pageVersions, pageFiles },
    make: async (dir) => {
      await derive(join(layouts, "probe"), join(dir, "greedy"), {
        fill: (tree) => addScript(tree, "greedy.pl", "usr/bin/greedy"),
        config: ["--clear=config.entrypoint", "--clear=config.cmd", "--config.entrypoint=/usr/bin/greedy"],
      });
      for (const version of pageVersions) {
        await derive(join(layouts, "web"), join(dir, `page-${version}`), {
          fill: (tree) => fillPage(tree, version),
          config: ["--clear=config.entrypoint", "--config.entrypoint=/usr/bin/page"],
        });
      }
    },
  });
}

async function derive(
  from: string,
  to: string,
  { fill, config }: { fill: (tree: string) => Promise<void>; config: string[] },
): Promise<void> {
  await cp(from, to, { recursive: true });
  const image = `${to}:latest`;
  await addLayer(image, fill);
  await tool("umoci", ["config", "--image", image, ...config]);
  await tool("umoci", ["gc", "--layout", to]);
}

async function fillPage(tree: string, version: number): Promise<void> {
  await addScript(tree, "page.sh", "usr/bin/page");
  for (let at = 0; at < 2 * pageFiles; at += 1) {
    const dir = join(tree, "usr/share/page", String(at % 7));
    await mkdir(dir, { recursive: true });
    const whose = at < pageFiles ? "all" : String(version);
    await writeFile(join(dir, String(at)), noise(300 * (at + 1), `${whose} ${at}`));
  }
  await writeFile(join(tree, "usr/share/page/version"), `${version}\n`);
}

async function addScript(tree: string, name: string, path: string): Promise<void> {
  await mkdir(dirname(join(tree, path)), { recursive: true });
  await copyFile(scriptOf(name), join(tree, path));
  await chmod(join(tree, path), 0o755);
}

function scriptOf(name: string): string {
  return labFile(join("images", name));
}
