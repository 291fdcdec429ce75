/** outdated: which containers have a newer image where theirs came from. Asks for manifests, fetches no config and no layer. */
import { causesOf, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { parsePlatform } from "../oci/platform.ts";
import { type Container, containerNames, findContainer } from "./containers.ts";
import { imageOf } from "./deployments.ts";
import { openRemote, originOf } from "./open-image.ts";
import { readSettings } from "./settings.ts";

export interface Outdated {
  name: string;
  image: string;
  /** Of the current deployment. */
  digest: string;
  /** What the name means where it came from; undefined where that cannot be said. */
  newest: string | undefined;
  state: "current" | "outdated" | "unknown";
  autoUpdate: boolean;
  held: boolean;
  /** Of `unknown`. */
  reason?: string;
}

/** Of these containers, or of all; one that cannot be asked about does not stop the others. @throws Failure NOT_INSTALLED */
export async function outdated(host: Host, names: readonly string[]): Promise<Outdated[]> {
  const all = names.length > 0 ? names : await containerNames(host.layout);
  const containers: Container[] = [];
  for (const name of all) containers.push(await findContainer(host, name));
  return Promise.all(containers.map((container) => compare(host, container)));
}

async function compare(host: Host, container: Container): Promise<Outdated> {
  const { name, info } = container;
  const { autoUpdate, held } = await readSettings(host.layout, name);
  const digest = imageOf(info);
  const known = { name, image: info.image, digest, autoUpdate, held };
  try {
    const newest = await newestDigest(host, container);
    return { ...known, newest, state: newest === digest ? "current" : "outdated" };
  } catch (error) {
    if (!isFailure(error) || error.code === "INTERRUPTED") throw error;
    const reason = [error.message, ...causesOf(error)][0] ?? "";
    return { ...known, newest: undefined, state: "unknown", reason };
  }
}

async function newestDigest(host: Host, { info }: Container): Promise<string> {
  const { platform, authFile, tlsVerify } = info.berth.request;
  const { selectImage } = await import("../transport/resolve-image.ts");
  const source = await openRemote(host, await originOf(host, info.image), { authFile, tlsVerify });
  try {
    const named = await source.manifest();
    const chosen = platform === undefined ? undefined : parsePlatform(platform);
    return (await selectImage(source, { named, platform: chosen })).digest;
  } finally {
    await source.close();
  }
}
