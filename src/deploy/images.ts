/** The images of the store as people list and inspect them. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { NamedImage } from "../store/store.ts";

export interface ListedImage {
  name: string;
  digest: string;
  /** When it was pulled: ISO 8601, UTC. */
  pulled: string;
  /** Its layers as transferred, in bytes. */
  size: number;
  layers: number;
}

/** Those that pass all filters, see image-filter.ts; sorted by name. USAGE. */
export async function listImages(host: Host, filters: readonly string[] = []): Promise<ListedImage[]> {
  const store = await host.store();
  let images = await store.names();
  for (const text of filters) {
    const { parseFilter } = await import("./image-filter.ts");
    images = images.filter(await parseFilter(text, (typed) => requireImage(host, typed)));
  }
  return images.map(listedImage).sort((a, b) => (a.name < b.name ? -1 : 1));
}

export interface RemovedImages {
  removed: string[];
  /** What the store dropped because nothing refers to it any more. */
  freed: { objects: number; bytes: number };
}

/** Containers that are installed keep their files: a deployment has links of its own. */
export async function removeImages(host: Host, typed: readonly string[]): Promise<RemovedImages> {
  const store = await host.writableStore();
  const found: NamedImage[] = [];
  for (const name of typed) found.push(await requireImage(host, name));
  for (const { name } of found) await store.unname(name);
  const { deployedImages } = await import("./deployments.ts");
  const { objects, bytes } = await store.prune({ keep: () => deployedImages(host.layout) });
  return { removed: found.map(({ name }) => name), freed: { objects, bytes } };
}

/** `orContainer`: a container could have been meant, and is not there either. @throws Failure IMAGE_UNKNOWN */
export async function requireImage(
  host: Host,
  typed: string,
  { orContainer = false }: { orContainer?: boolean } = {},
): Promise<NamedImage> {
  const store = await host.store();
  const image = await store.find(typed);
  if (image !== undefined) return image;
  if (orContainer)
    throw new Failure("IMAGE_UNKNOWN", `there is no container and no image ${JSON.stringify(typed)}`, {
      hint: "berth list shows the containers, berth images the images of the store",
    });
  throw new Failure("IMAGE_UNKNOWN", `the store has no image ${JSON.stringify(typed)}`, {
    hint: "berth images shows what it has; berth pull fetches one",
  });
}

export function listedImage({ name, image }: NamedImage): ListedImage {
  return {
    name,
    digest: image.digest,
    pulled: image.created,
    size: image.size,
    layers: image.manifest.layers.length,
  };
}
