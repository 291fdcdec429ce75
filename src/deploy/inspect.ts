/** inspect: all that is known of an installed container or of an image in the store. */
import { isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import { findContainer } from "./containers.ts";
import { type DescribedExports, describeExports } from "./describe-exports.ts";
import { type ListedImage, listedImage, requireImage } from "./images.ts";
import type { Info } from "./info.ts";
import { type ListedFile, listFiles } from "./list-files.ts";
import { readExports } from "./read-exports.ts";

export type Inspected =
  | {
      kind: "container";
      name: string;
      deployment: number;
      directory: string;
      info: Info;
      /** Files of its image that it has on the host, as they are now. */
      files: ListedFile[];
    }
  | {
      kind: "image";
      image: ListedImage;
      config: ImageConfig;
      layers: { digest: string; mediaType: string; size: number }[];
      /** Of an image in the /exports format. */
      exports?: DescribedExports;
    };

/** A container's name comes before an image's. @throws Failure IMAGE_UNKNOWN when it is neither. */
export async function inspect(host: Host, typed: string): Promise<Inspected> {
  try {
    const { name, deployment, dir, info } = await findContainer(host, typed);
    const files = await listFiles(host, name);
    return { kind: "container", name, deployment, directory: dir, info, files };
  } catch (error) {
    if (!isFailure(error, "NOT_INSTALLED")) throw error;
  }
  const found = await requireImage(host, typed, { orContainer: true });
  const { manifest, config } = found.image;
  const layers = manifest.layers.map(({ digest, mediaType, size }) => ({ digest, mediaType, size }));
  const store = await host.store();
  const exports = await readExports(store, await store.tree(found.image), { image: found.name });
  return {
    kind: "image",
    image: listedImage(found),
    config,
    layers,
    ...(exports === undefined ? {} : { exports: describeExports(exports) }),
  };
}
