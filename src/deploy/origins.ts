/** Where the images of the store came from, so that what is damaged can be fetched again. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Digest } from "../oci/digest.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import type { StoredImage } from "../store/image-records.ts";
import { readRecords } from "../store/read-records.ts";
import type { Source } from "../transport/source.ts";
import { allDeployments, imageOf } from "./deployments.ts";

export interface Origins {
  images: StoredImage[];
  /** References of an image, the likeliest first. */
  of(digest: Digest): string[];
  /** Whether a name or a deployment means this image. */
  isNeeded(digest: Digest): boolean;
}

/** From the names of images, what they were pulled from, and what deployments say. */
export async function originsOf(host: Host): Promise<Origins> {
  const { images, namesOf, sourcesOf } = readRecords(host.layout);
  const deployed = new Map<Digest, string[]>();
  for (const { info } of await allDeployments(host.layout)) {
    if (info === undefined) continue;
    const digest = imageOf(info);
    deployed.set(digest, [...(deployed.get(digest) ?? []), info.image, info.berth.request.image]);
  }
  return {
    images,
    of: (digest) => [
      ...new Set([
        ...(sourcesOf.get(digest) ?? []),
        ...(namesOf.get(digest) ?? []),
        ...(deployed.get(digest) ?? []),
      ]),
    ],
    isNeeded: (digest) => namesOf.has(digest) || deployed.has(digest),
  };
}

/**
 * Calls `use` with each source that an image may be had from, until one gives it. The image's digest was under the policy when it came, and all
 * that comes now is checked by digests that follow from it.
 */
export async function openOrigin(
  host: Host,
  { digest, origins }: { digest: Digest; origins: Origins },
  use: (source: Source) => Promise<void>,
): Promise<void> {
  let last: Failure | undefined;
  for (const reference of origins.of(digest).flatMap(tryReference)) {
    const source = await host.source(reference);
    try {
      await use(source);
      return;
    } catch (error) {
      if (!(error instanceof Failure) || error.code === "INTERRUPTED") throw error;
      last = error;
    } finally {
      await source.close();
    }
  }
  throw (
    last ??
    new Failure("IMAGE_UNKNOWN", "it is not recorded where it came from", {
      hint: "pull it again by its full name",
    })
  );
}

/** An image may be named by anything (`--as`). */
function tryReference(text: string): Reference[] {
  try {
    return [parseReference(text)];
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}
