import { existsSync } from "node:fs";
import { Failure } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { checkFormat } from "./format.ts";
import { type NameRecord, readImage, readNames, type StoredImage } from "./image-records.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { matchName } from "./match-name.ts";

/** Stores of others that are only read: no lock is taken in them, nothing written. CONFIG_INVALID for a directory that is none. */
export function openAdditional(stateDirs: readonly string[]): Layout[] {
  return stateDirs.map((dir) => {
    const layout = layoutOf(dir);
    if (checkFormat(layout)) return layout;
    throw new Failure("CONFIG_INVALID", `${dir} of additional_stores holds no store`, {
      hint: "Is it mounted? `berth share` makes one.",
    });
  });
}

/** The first that has the layer. */
export function holderOfLayer(stores: readonly Layout[], diffId: Digest): Layout | undefined {
  return stores.find((layout) => existsSync(layout.layer(diffId)));
}

/** What a user means by `typed` in the first of the stores that knows it. NAME_AMBIGUOUS, STORE_CORRUPT. */
export function findAdditional(
  stores: readonly Layout[],
  typed: string,
): { layout: Layout; record: NameRecord; image: StoredImage } | undefined {
  for (const layout of stores) {
    const record = matchName(typed, readNames(layout));
    if (record !== undefined) return { layout, record, image: readImage(layout, record.digest) };
  }
  return undefined;
}
