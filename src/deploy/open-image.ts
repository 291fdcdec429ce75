/** From a name as typed to a source of that image, the policy asked on the way. */
import { isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { isShortName } from "../oci/reference.ts";
import type { Source } from "../transport/source.ts";
import { refuseEarly } from "./accept.ts";
import type { Fetching } from "./fetching.ts";
import { StoredSource } from "./stored-source.ts";

/** The image as a transport has it: of a short name, the first registry that knows it. POLICY_REJECTED, IMAGE_UNKNOWN. */
export async function openRemote(host: Host, typed: string, fetching: Fetching = {}): Promise<Source> {
  const { candidatesOf } = await import("../transport/source.ts");
  const candidates = await candidatesOf(typed, host.config.root);
  for (const [at, reference] of candidates.entries()) {
    await refuseEarly(host, reference);
    const source = await host.source(reference, fetching);
    if (at === candidates.length - 1 || (await isThere(source))) return source;
  }
  throw new Error(`nothing was tried for ${typed}`);
}

/** As openRemote, but a short name means an image of the store where there is one. */
export async function openImage(host: Host, typed: string, fetching: Fetching = {}): Promise<Source> {
  const stored = isShortName(typed) ? await (await host.store()).find(typed) : undefined;
  if (stored === undefined) return openRemote(host, typed, fetching);
  const { authFile, tlsVerify } = fetching;
  return new StoredSource(host, stored, { authFile, tlsVerify });
}

async function isThere(source: Source): Promise<boolean> {
  try {
    await source.manifest();
    return true;
  } catch (error) {
    await source.close();
    if (isFailure(error, "IMAGE_UNKNOWN")) return false;
    throw error;
  }
}

/** The reference that the image of this name was pulled from: of one stored under another name, not the name. */
export async function originOf(host: Host, name: string): Promise<string> {
  const stored = (await (await host.store()).names()).find((image) => image.name === name);
  return stored?.source ?? name;
}
