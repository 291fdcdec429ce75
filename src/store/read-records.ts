import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure, isErrno, isFailure } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { entriesOf, parseName, readImage, type StoredImage } from "./image-records.ts";
import type { Layout } from "./layout.ts";

export interface DamagedRecord {
  what: "name" | "image" | "layer" | "object";
  /** The name of its file. */
  key: string;
  path: string;
  reason: string;
}

/** All names and images of a store, however much of it is damaged; the `required` images must be among them. */
export interface Records {
  /** How many names there are. */
  names: number;
  namesOf: Map<Digest, string[]>;
  /** References that an image was pulled from, where they are known. */
  sourcesOf: Map<Digest, string[]>;
  images: StoredImage[];
  damaged: DamagedRecord[];
}

export function readRecords(layout: Layout, required: readonly Digest[] = []): Records {
  const records: Records = { names: 0, namesOf: new Map(), sourcesOf: new Map(), images: [], damaged: [] };
  const digests = new Set<Digest>(required);
  for (const key of entriesOf(layout.names)) {
    const path = join(layout.names, key);
    attempt(records, { what: "name", key, path }, () => {
      const { name, digest, source } = parseName(readFileSync(path, "utf8"), path);
      records.names++;
      records.namesOf.set(digest, [...(records.namesOf.get(digest) ?? []), name]);
      if (source !== undefined)
        records.sourcesOf.set(digest, [...(records.sourcesOf.get(digest) ?? []), source]);
      digests.add(digest);
    });
  }
  for (const file of entriesOf(layout.images)) digests.add(digestOfFile(file));
  for (const digest of digests) {
    const path = layout.image(digest);
    attempt(records, { what: "image", key: fileOf(path), path }, () => {
      records.images.push(readImage(layout, digest));
    });
  }
  return records;
}

/** The digest that the file of an image or a listing is named for. */
export function digestOfFile(file: string): Digest {
  const hex = file.replace(/\.json$/, "");
  return `${hex.length === 128 ? "sha512" : "sha256"}:${hex}`;
}

/** What is wrong with something that could not be read, for one who knows what it is. Throws what is no damage. */
export function reasonOf(error: unknown): string {
  if (isFailure(error, "IMAGE_UNKNOWN") || isErrno(error, "ENOENT")) return "it is missing";
  if (isErrno(error, "EIO") || isErrno(error, "EUCLEAN") || isErrno(error, "EISDIR"))
    return `it cannot be read (${error.code})`;
  if (!(error instanceof Failure) || error.code === "NOT_ROOT") throw error;
  if (error.cause === undefined) return "its content is damaged";
  if (isErrno(error.cause, "ENOENT")) return "it is missing";
  return error.cause instanceof Error
    ? `its content is damaged: ${error.cause.message}`
    : "its content is damaged";
}

function attempt({ damaged }: Records, record: Omit<DamagedRecord, "reason">, read: () => void): void {
  try {
    read();
  } catch (error) {
    damaged.push({ ...record, reason: reasonOf(error) });
  }
}

function fileOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
