import { join } from "node:path";

/**
 * Where a configuration file shared with podman, skopeo and buildah may lie, the user's own first. Below a `root` other than
 * "/" only the tree's own file counts.
 */
export function containersConfigPaths(name: string, root = "/"): string[] {
  const system = join(root, "etc/containers", name);
  return root === "/" ? [join(userConfigDirectory(), "containers", name), system] : [system];
}

export function userConfigDirectory(): string {
  return join(homeDirectory(), ".config");
}

export function userCacheDirectory(): string {
  return process.env["XDG_CACHE_HOME"] || join(homeDirectory(), ".cache");
}

/** HOME, or what the user database says: the module that asks it costs every start a millisecond, so it is loaded here. */
export function homeDirectory(): string {
  return process.env["HOME"] || process.getBuiltinModule("node:os").homedir();
}
