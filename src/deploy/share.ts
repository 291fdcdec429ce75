/** share: puts an image of the store into a store for others, to be mounted read-only and named in their `additional_stores`. */
import { resolve } from "node:path";
import type { Host } from "../host.ts";
import { requireImage } from "./images.ts";
import { readyTargets } from "./ready-checkouts.ts";

export interface Shared {
  image: string;
  digest: string;
  directory: string;
}

/**
 * With `checkout` the other store gets a checkout too, for hosts that use it in place. Copies what the store in `directory` lacks, sharing blocks where the file system can.
 * @throws Failure IMAGE_UNKNOWN, NO_SPACE
 */
export async function share(
  host: Host,
  typed: string,
  { directory, checkout }: { directory: string; checkout: boolean },
): Promise<Shared> {
  host.requireRoot("share an image");
  const found = await requireImage(host, typed);
  const { Store } = await import("../store/store.ts");
  const path = resolve(directory);
  const { report, signal, config } = host;
  const target = await Store.open(path, { report, signal, additional: [config.state] });
  const { image } = await target.name(found.name, found);
  if (checkout) await target.makeReady(image, readyTargets(image.config.config));
  return { image: found.name, digest: found.image.digest, directory: path };
}
