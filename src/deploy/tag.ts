import type { Host } from "../host.ts";
import { formatReference, isShortName, parseReference } from "../oci/reference.ts";
import type { NamedImage } from "../store/store.ts";
import { requireImage } from "./images.ts";

/** One more name for an image of the store; a name that exists then means this image. REFERENCE_INVALID, IMAGE_UNKNOWN. */
export async function tagImage(host: Host, typed: string, name: string): Promise<NamedImage> {
  const store = await host.writableStore();
  const found = await requireImage(host, typed);
  return store.name(storedName(name), found);
}

/** What an image is stored under that a user, or an archive, calls so: checked, with its tag, a short name staying one. REFERENCE_INVALID. */
export function storedName(typed: string): string {
  const reference = parseReference(typed);
  if (!isShortName(typed)) return formatReference(reference);
  const hasTag = /[:@]/.test(typed);
  return hasTag ? typed : `${typed}:latest`;
}
