/** verify --repair: what is damaged is fetched again, put in place by rename, and linked anew in every deployment that shares it. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Digest, digestHex } from "../oci/digest.ts";
import { decodeName, type StoredImage } from "../store/image-records.ts";
import { digestOfFile } from "../store/read-records.ts";
import { type LayerAgain, refetchLayers, removeDamaged, rewriteImage } from "../store/refetch.ts";
import { repairTree } from "../store/repair-tree.ts";
import { layersOfObjects, type StoreDamage } from "../store/verify-store.ts";
import { readMountPoints } from "../sys/mount-points.ts";
import { allDeployments, imageOf } from "./deployments.ts";
import { lockContainer } from "./lock.ts";
import { type Origins, openOrigin, originsOf } from "./origins.ts";
import { type Damage, type Findings, findDamage, type Verified, type VerifyRequest } from "./verify.ts";

export interface Repaired extends Verified {
  /** What was damaged and is sound now. */
  repaired: Damage[];
  /** Why something could not be put right. */
  problems: string[];
}

/** Verifies, repairs, and verifies again: `clean` is what the last pass says. */
export async function repair(host: Host, request: VerifyRequest): Promise<Repaired> {
  host.requireRoot("repair the store");
  const before = await findDamage(host, request);
  if (before.verified.clean) return { ...before.verified, repaired: [], problems: [] };
  const problems: string[] = [];
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    host.checkInterrupted();
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Failure) || error.code === "INTERRUPTED") throw error;
      problems.push(`${what}: ${error.message}`);
    }
  };
  await repairRecords(host, before.store, attempt);
  // A record that is whole again tells more: which layers it needs.
  const { store } = before.store.some(({ what }) => what === "image")
    ? await findDamage(host, request)
    : before;
  await repairLayers(host, store, attempt);
  // Whoever shares a damaged object is found by what it has otherwise than the repaired store.
  const between = await findDamage(host, { ...request, names: [], mustShare: true });
  await repairDeployments(host, between, attempt);
  for (const { dir, tree, damaged } of between.ready)
    if (damaged.length > 0)
      await attempt(dir, () =>
        repairTree(host.layout, tree, { dir, damaged, mountPoints: readMountPoints() }),
      );
  const after = await findDamage(host, request);
  const left = new Set(after.verified.damaged.map(({ path }) => path));
  const repaired = before.verified.damaged.filter(({ path }) => !left.has(path));
  return { ...after.verified, repaired, problems };
}

type Attempt = (what: string, work: () => Promise<void>) => Promise<void>;

/** Images first, then the names that mean them. */
async function repairRecords(host: Host, damaged: readonly StoreDamage[], attempt: Attempt): Promise<void> {
  const origins = await originsOf(host);
  for (const { what, key, path } of damaged) {
    if (what !== "image") continue;
    await attempt(path, async () => {
      const digest = digestOfFile(key);
      if (origins.of(digest).length > 0 || origins.isNeeded(digest))
        await refetchImage(host, digest, origins);
      else await removeDamaged(host.layout, path);
    });
  }
  for (const { what, key, path } of damaged) {
    if (what !== "name") continue;
    await attempt(path, async () => {
      const name = decodeName(key);
      if (name === undefined)
        throw new Failure("STORE_CORRUPT", "what it named is not known", {
          hint: "remove the file and pull the image again",
        });
      const { pull } = await import("./pull.ts");
      await pull(host, { image: name });
    });
  }
}

async function refetchImage(host: Host, digest: Digest, origins: Origins): Promise<void> {
  await openOrigin(host, { digest, origins }, async (source) => {
    const manifest = await source.manifest(digest);
    const { parseManifest } = await import("../oci/manifest.ts");
    const parsed = parseManifest(manifest.bytes);
    if (parsed.kind !== "manifest") throw new Failure("MANIFEST_INVALID", `${digest} is an index of images`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of source.blob(parsed.config)) chunks.push(chunk);
    await rewriteImage(host.layout, {
      digest,
      manifestBytes: manifest.bytes,
      configBytes: Buffer.concat(chunks),
    });
  });
}

/** Damaged objects and listings by the layer that brings them back; what no image needs is removed. */
async function repairLayers(host: Host, damaged: readonly StoreDamage[], attempt: Attempt): Promise<void> {
  const objects = new Set(damaged.filter(({ what }) => what === "object").map(({ key }) => key));
  const listings = new Set(damaged.filter(({ what }) => what === "layer").map(({ key }) => key));
  if (objects.size + listings.size === 0) return;
  const origins = await originsOf(host);
  const layersOf = layersOfObjects(host.layout, objects, origins.images);
  const done = new Set<string>();
  for (const image of origins.images) {
    const layers = layersToFetch(image, { objects, listings, layersOf, done });
    if (layers.length === 0) continue;
    await attempt(`image ${image.digest}`, async () => {
      await openOrigin(host, { digest: image.digest, origins }, (source) =>
        refetchLayers(host.layout, layers, {
          blob: (descriptor) => source.blob(descriptor),
          report: host.report,
          signal: host.signal,
        }),
      );
      for (const { diffId, damaged: brought = [] } of layers)
        for (const key of [digestHex(diffId), ...brought]) done.add(key);
    });
  }
  for (const { what, key, path, images } of damaged) {
    if ((what === "object" || what === "layer") && images.length === 0 && !done.has(key))
      await attempt(path, () => removeDamaged(host.layout, path));
  }
}

/** The layers of an image that bring something back that nothing brought before. A damaged listing may hide objects, so it takes them all. */
function layersToFetch(
  { manifest, config }: StoredImage,
  {
    objects,
    listings,
    layersOf,
    done,
  }: {
    objects: ReadonlySet<string>;
    listings: ReadonlySet<string>;
    layersOf: ReadonlyMap<string, ReadonlySet<string>>;
    done: ReadonlySet<string>;
  },
): LayerAgain[] {
  const layers = new Map<Digest, LayerAgain>();
  config.diffIds.forEach((diffId, at) => {
    const hex = digestHex(diffId);
    const descriptor = manifest.layers[at];
    const own = [...objects].filter((name) => layersOf.get(name)?.has(hex) === true && !done.has(name));
    const isListing = listings.has(hex) && !done.has(hex);
    if (descriptor === undefined || (own.length === 0 && !isListing)) return;
    layers.set(diffId, { descriptor, diffId, damaged: isListing ? [...objects] : own });
  });
  return [...layers.values()];
}

async function repairDeployments(host: Host, { deployments }: Findings, attempt: Attempt): Promise<void> {
  for (const { deployment, tree, damaged } of deployments) {
    await attempt(deployment.id, async () => {
      using _ = await lockContainer(host, deployment.name);
      const stays = (await allDeployments(host.layout)).some(
        ({ id, info }) =>
          id === deployment.id &&
          info !== undefined &&
          deployment.info !== undefined &&
          imageOf(info) === imageOf(deployment.info),
      );
      if (!stays) return; // it went, or it is another one by now
      const dir = `${deployment.dir}/rootfs`;
      await repairTree(host.layout, tree, { dir, damaged, mountPoints: readMountPoints() });
    });
  }
}
