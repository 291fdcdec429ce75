/** What the checkout of a deployment must hold: the image's tree, and what was made in it for mounts. */
import { lstatSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import { bytesOf } from "../layer/byte-string.ts";
import { type MountTarget, withMountTargets } from "../layer/mount-targets.ts";
import { resolvePath, type Tree } from "../layer/tree.ts";
import { parseRuntimeConfig, type RuntimeConfig } from "../oci/runtime-config.ts";
import { MOUNTED_BY_SYSTEMD, tmpfsTargets } from "./mounts.ts";

/** The configuration of the deployment in `dir`. @throws Failure STORE_CORRUPT */
export async function readRuntimeConfig(dir: string): Promise<RuntimeConfig> {
  const path = join(dir, "config.json");
  try {
    return parseRuntimeConfig(await readFile(path, "utf8"), path);
  } catch (cause) {
    throw new Failure("STORE_CORRUPT", `${path} cannot be read`, {
      cause,
      hint: "uninstall the container and install it again",
    });
  }
}

/** `tree` as the deployment in `dir` was checked out, with what its `config` mounts on. */
export function deployedTree(tree: Tree, config: RuntimeConfig, dir: string): Tree {
  const targets: MountTarget[] = [];
  const made = MOUNTED_BY_SYSTEMD.map((target) => target.path);
  const destinations = config.mounts.map(({ destination }) => destination);
  for (const path of new Set([config.process.cwd, ...destinations, ...made])) {
    const { path: real, entry } = resolvePath(tree, path);
    if (entry !== undefined) continue;
    const host = Buffer.concat([Buffer.from(join(dir, "rootfs/")), bytesOf(real)]);
    const found = lstatSync(host, { throwIfNoEntry: false });
    // An OCI runtime's checkout has none of those that nothing is mounted on.
    if (found === undefined && made.includes(path)) continue;
    // What is mounted below another mount is made there, and here only for a volume.
    const isBelowOther = destinations.some((other) => other !== path && isBelow(path, other));
    if (found === undefined && isBelowOther) continue;
    targets.push({ path, type: found?.isFile() === true ? "file" : "dir" });
  }
  return withMountTargets(tree, [...targets, ...tmpfsTargets(config)]);
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith("/") ? directory : `${directory}/`);
}
