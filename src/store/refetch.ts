import { unlinkSync } from "node:fs";
import { isErrno } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { type AddOptions, type MissingLayer as LayerAgain, receive } from "./add-image.ts";
import { syncDirectory } from "./files.ts";
import { parseImage, writeImage } from "./image-records.ts";
import type { Layout } from "./layout.ts";
import { lockFile } from "./locks.ts";
import { asNoSpace } from "./space.ts";
import { makeStage, removeStaleStages } from "./stage.ts";

export type { LayerAgain };

/** Reads layers again: their damaged objects and their listings are replaced, each by one rename. Nothing is left when it fails. */
export async function refetchLayers(
  layout: Layout,
  layers: LayerAgain[],
  options: AddOptions,
): Promise<void> {
  const { report, signal } = options;
  using _ = await lockFile(layout.lock, { mode: "shared", report, signal });
  await removeStaleStages(layout);
  const stage = makeStage(layout);
  try {
    await receive(layout, { missing: layers, stage: stage.dir, options });
  } catch (error) {
    const bytes = layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    throw asNoSpace(error, { dir: layout.store, bytes, what: "the repair" });
  } finally {
    await stage.remove();
  }
}

/** Puts the record of an image in the place of a damaged one. MANIFEST_INVALID, DIGEST_MISMATCH. */
export async function rewriteImage(
  layout: Layout,
  image: { digest: Digest; manifestBytes: Buffer; configBytes: Buffer },
): Promise<void> {
  const parsed = parseImage(image, new Date().toISOString());
  using _ = await lockFile(layout.lock, { mode: "shared" });
  const stage = makeStage(layout);
  try {
    writeImage(layout, { image: parsed, stage: stage.dir });
  } finally {
    await stage.remove();
  }
}

/** Removes a damaged file of the store that nothing needs. */
export async function removeDamaged(layout: Layout, path: string): Promise<void> {
  using _ = await lockFile(layout.lock, { mode: "exclusive" });
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
  syncDirectory(path.slice(0, path.lastIndexOf("/")));
}
