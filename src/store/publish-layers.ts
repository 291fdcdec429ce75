import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { isErrno, isFailure } from "../errors.ts";
import { decodeListing } from "../layer/listing-format.ts";
import { isDisturbed } from "./claims.ts";
import { syncDirectory, syncFileSystem } from "./files.ts";
import { type Layout, objectIn } from "./layout.ts";
import { objectsOfListing } from "./listings.ts";
import { publishObjects } from "./publish-objects.ts";
import { type MissingLayer, type ReceiveOptions, receiveLayers } from "./receive-layers.ts";

export interface Received {
  /** All that must be in the store in the end. */
  layers: readonly MissingLayer[];
  /** Those of them that lie in the stage. */
  missing: readonly MissingLayer[];
  stage: string;
  options: ReceiveOptions;
}

/**
 * Moves what `receiveLayers` staged into the store in the order that `addImage` promises. What a prune took away meanwhile is received again; so
 * the caller holds the lock of the store.
 */
export async function publishLayers(layout: Layout, received: Received): Promise<void> {
  const { missing, stage, options } = received;
  const lost = isDisturbed(stage) ? lostLayers(layout, received) : [];
  if (lost.length > 0) {
    const again = join(stage, "again");
    mkdirSync(again, { mode: 0o700 });
    await receiveLayers(layout, { missing: lost, stage: again, options });
    await publish(layout, { missing: lost, stage: again });
  }
  await publish(layout, { missing, stage });
}

async function publish(
  layout: Layout,
  { missing, stage }: Pick<Received, "missing" | "stage">,
): Promise<void> {
  if (missing.length === 0) return;
  const damaged = new Set(missing.flatMap((layer) => layer.damaged ?? []));
  await publishObjects(layout, { from: join(stage, "objects"), damaged });
  syncFileSystem(layout.objects);
  for (const [at, { diffId }] of missing.entries())
    renameSync(join(stage, `${at}.listing`), layout.layer(diffId));
  syncDirectory(layout.layers);
}

/** Layers that are neither staged nor stored with all of their objects. */
function lostLayers(layout: Layout, { layers, missing, stage }: Received): MissingLayer[] {
  const staged = new Map(missing.map(({ diffId }, at) => [diffId, join(stage, `${at}.listing`)]));
  const objects = join(stage, "objects");
  const isThere = (name: string): boolean =>
    existsSync(layout.object(name)) || existsSync(objectIn(objects, name));
  return layers.filter(({ diffId }) => {
    const names = objectsIn(staged.get(diffId) ?? layout.layer(diffId));
    return names === undefined || !names.every(isThere);
  });
}

/** Names of the objects of a listing; undefined when it cannot be read. */
function objectsIn(path: string): string[] | undefined {
  try {
    return [...objectsOfListing(decodeListing(readFileSync(path), path))];
  } catch (error) {
    if (isErrno(error, "ENOENT") || isFailure(error, "STORE_CORRUPT")) return undefined;
    throw error;
  }
}
