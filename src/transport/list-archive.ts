import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import { formatReference } from "../oci/reference.ts";
import { parseDockerManifest } from "./docker-manifest.ts";
import { ArchiveFiles } from "./layout-files.ts";
import { nameOf, readIndex } from "./layout-source.ts";

/** One image of an archive: how to refer to it, and the name it says it has, not checked. */
export interface ArchiveEntry {
  reference: string;
  name: string | undefined;
}

/** What an oci-archive or a docker-archive holds; an image with several names once for each. IMAGE_UNKNOWN, MANIFEST_INVALID. */
export async function listArchive(path: string): Promise<ArchiveEntry[]> {
  const files = new ArchiveFiles(path);
  try {
    if ((await files.size("index.json")) !== undefined) {
      const images = await readIndex(files, path);
      return images.map((image, index) => ({
        reference: formatReference({ transport: "oci-archive", path, index }),
        name: nameOf(image),
      }));
    }
    const listing = await files.readSmall("manifest.json", 1024 * 1024);
    if (listing === undefined)
      throw new Failure("IMAGE_UNKNOWN", `${printable(path)} is neither an oci-archive nor a docker-archive`);
    return parseDockerManifest(listing).flatMap(({ names }, index) => {
      const reference = formatReference({ transport: "docker-archive", path, index });
      return names.length === 0
        ? [{ reference, name: undefined }]
        : names.map((name) => ({ reference, name: name as string | undefined }));
    });
  } finally {
    await files.close();
  }
}
