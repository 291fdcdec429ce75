import { linkSync } from "node:fs";
import { objectIn } from "./layout.ts";

export interface LinkPlaces {
  /** The store's objects. */
  objects: string;
  /** The directory in which the links are made. */
  dir: string;
}

/** Links to be made: the name of an object and an ASCII path below the directory, by turns. */
export type LinkBatch = string[];

/** Makes links; gives the paths of those that failed, for whoever can say why or copy. */
export function linkBatch(batch: LinkBatch, { objects, dir }: LinkPlaces): string[] {
  const failed: string[] = [];
  for (let at = 0; at < batch.length; at += 2) {
    const path = batch[at + 1] as string;
    try {
      linkSync(objectIn(objects, batch[at] as string), `${dir}/${path}`);
    } catch {
      failed.push(path);
    }
  }
  return failed;
}
