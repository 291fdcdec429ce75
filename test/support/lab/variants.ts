/** Other versions of the laboratory's images, made by umoci from an image's own layout: what an update goes to. */
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { imageLayouts } from "./images.ts";
import type { Machine } from "./machine.ts";
import { serverImages } from "./server-images.ts";
import { tool } from "./tool.ts";
import { registryAddress } from "./tree.ts";

export interface Variant {
  /** The image that it is a version of. */
  of: "etcd" | "web" | "probe" | "probe-notify" | "postgres";
  /** Repository and tag in the machine's registry: `life/etcd:3`. */
  as: string;
  /** Settings of `umoci config`, without `--config.`; a list is the setting repeated. Different settings give another digest. */
  config: Record<string, string | readonly string[]>;
}

/** Puts the variant into the machine's registry, and gives its full name there. */
export async function publish(lab: Machine, { of, as, config }: Variant): Promise<string> {
  const dir = join(lab.dir, "var/variant");
  await mkdir(dir, { recursive: true });
  try {
    const layouts = of === "postgres" ? await serverImages() : await imageLayouts();
    await cp(join(layouts, of), join(dir, of), { recursive: true });
    const settings = Object.entries(config).flatMap(([key, values]) =>
      [values].flat().map((value) => `--config.${key}=${value}`),
    );
    if (settings.length > 0)
      await tool("umoci", ["config", "--image", `${join(dir, of)}:latest`, ...settings]);
    const name = `${registryAddress}/${as}`;
    await lab.output(["skopeo", "copy", "--quiet", `oci:/var/variant/${of}:latest`, `docker://${name}`]);
    return name;
  } finally {
    await rm(dir, { recursive: true });
  }
}
