import { readFileSync } from "node:fs";
import { Failure, isErrno } from "../errors.ts";
import type { Listing } from "../layer/listing.ts";
import { decodeListing } from "../layer/listing-format.ts";
import type { Digest } from "../oci/digest.ts";
import type { Layout } from "./layout.ts";
import { objectName } from "./object-name.ts";

/** The listing of a layer in the store. STORE_CORRUPT. */
export function readListing(layout: Layout, diffId: Digest): Listing {
  const path = layout.layer(diffId);
  try {
    return decodeListing(readFileSync(path), path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    throw new Failure("STORE_CORRUPT", `layer ${diffId} is missing`, {
      hint: "Pull the image again.",
      cause: error,
    });
  }
}

/** One after the other, so that not all are in memory at once. */
export function* readListings(layout: Layout, diffIds: readonly Digest[]): Generator<Listing> {
  for (const diffId of diffIds) yield readListing(layout, diffId);
}

/** Names of the objects that a layer brings. */
export function* objectsOfListing({ changes }: Listing): Generator<string> {
  for (const change of changes)
    if (change.kind === "add" && change.node.type === "file" && change.node.size > 0)
      yield objectName(change.node.sha256, change.node);
}
