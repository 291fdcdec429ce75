import { unlinkSync } from "node:fs";
import { isErrno } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { disturb, writeClaim } from "./claims.ts";
import { syncDirectory } from "./files.ts";
import { parseImage, writeImage } from "./image-records.ts";
import type { Layout } from "./layout.ts";
import { lockFile } from "./locks.ts";
import { publishLayers } from "./publish-layers.ts";
import { type MissingLayer as LayerAgain, type ReceiveOptions, receiveLayers } from "./receive-layers.ts";
import { asNoSpace } from "./space.ts";
import { makeStage, removeStaleStages, type Stage, stagesOf } from "./stage.ts";

export type { LayerAgain };

/** Reads layers again: their damaged objects and their listings are replaced, each by one rename. Nothing is left when it fails. */
export async function refetchLayers(
  layout: Layout,
  layers: LayerAgain[],
  options: ReceiveOptions,
): Promise<void> {
  const { report, signal } = options;
  await removeStaleStages(layout);
  const stage = await claimNothing(layout, options);
  try {
    await receiveLayers(layout, { missing: layers, stage: stage.dir, options });
    using _ = await lockFile(layout.lock, { mode: "shared", report, signal });
    await publishLayers(layout, { layers, missing: layers, stage: stage.dir, options });
  } catch (error) {
    const bytes = layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    throw asNoSpace(error, { dir: layout.store, bytes, what: "the repair" });
  } finally {
    await stage.remove();
  }
}

/** Like what a pull claims, so that a prune says when it takes away objects that the layers have too. */
async function claimNothing(layout: Layout, { report, signal }: ReceiveOptions): Promise<Stage> {
  using _ = await lockFile(layout.lock, { mode: "shared", report, signal });
  const stage = makeStage(layout);
  writeClaim(stage.dir, { layers: [], blobs: [] });
  return stage;
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
  disturb(stagesOf(layout));
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
  syncDirectory(path.slice(0, path.lastIndexOf("/")));
}
