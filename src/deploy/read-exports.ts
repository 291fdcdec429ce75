/** The /exports of an image in the store, read from its merged tree: no checkout is made. */
import { resolvePath, type Tree, walkTree } from "../layer/tree.ts";
import type { Store } from "../store/store.ts";
import { EXPORTS_FILES, type Exports, exportsPath, type HostfsEntry, parseExports } from "./exports.ts";

/** More than any template needs. */
const LIMIT = 1024 * 1024;

/**
 * Undefined for an image without /exports. Symlinks lead where they lead inside the image.
 * @throws Failure CONFIG_INVALID for what is no file, too large or not of the format; TEMPLATE_INVALID, STORE_CORRUPT.
 */
export async function readExports(
  store: Pick<Store, "readFile">,
  tree: Tree,
  { image }: { image: string },
): Promise<Exports | undefined> {
  if (resolvePath(tree, "/exports").entry?.type !== "directory") return undefined;
  const names = Object.keys(EXPORTS_FILES) as (keyof typeof EXPORTS_FILES)[];
  const contents = await Promise.all(
    names.map(async (name) => [name, await store.readFile(tree, exportsPath(name), { limit: LIMIT })]),
  );
  const files = Object.fromEntries(contents) as Record<(typeof names)[number], Buffer | undefined>;
  return parseExports({ files, hostfs: hostfsOf(tree) }, { image });
}

function hostfsOf(tree: Tree): HostfsEntry[] {
  const { entry } = resolvePath(tree, "/exports/hostfs");
  if (entry?.type !== "directory") return [];
  return [...walkTree({ root: entry })].slice(1);
}
