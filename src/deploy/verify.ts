/** verify: the store and every deployment against what they must be. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { showBytes } from "../layer/byte-string.ts";
import type { Tree } from "../layer/tree.ts";
import type { Digest } from "../oci/digest.ts";
import { type CheckedTree, checkTree, sharedObjects, type TreeDamage } from "../store/check-tree.ts";
import { lockToRead } from "../store/locks.ts";
import { type StoreDamage, verifyStore } from "../store/verify-store.ts";
import { readMountPoints } from "../sys/mount-points.ts";
import { findContainer } from "./containers.ts";
import { deployedTree, readRuntimeConfig } from "./deployed-tree.ts";
import { allDeployments, type Deployment, deployedImages, imageOf } from "./deployments.ts";
import { requireImage } from "./images.ts";
import { type ChangedFile, changedFiles } from "./list-files.ts";
import { type CheckedReady, checkReady } from "./ready-checkouts.ts";
import { type TrustCheck, verifyTrust } from "./verify-trust.ts";

export interface VerifyRequest {
  /** Containers and images. None: everything. */
  names: readonly string[];
  /** Most bytes a second to read. */
  rate?: number | undefined;
  /** How many threads read. */
  jobs?: number | undefined;
  /** Whether a sound copy where a deployment should share an object counts as damage. */
  mustShare?: boolean | undefined;
}

/** One thing that is not what it should be. */
export interface Damage {
  what: "name" | "image" | "layer" | "object" | "file" | "record";
  path: string;
  reason: string;
  /** Images that need it: by name, or by digest where they have none. */
  images: string[];
  /** Deployments (`NAME.N`) that have it. */
  deployments: string[];
}

export interface Verified {
  clean: boolean;
  /** Of the failure that damage is. */
  code?: "STORE_CORRUPT" | "POLICY_REJECTED";
  checked: {
    names: number;
    images: number;
    layers: number;
    objects: number;
    /** Read of objects. */
    bytes: number;
    deployments: number;
    /** Of deployments. */
    files: number;
  };
  damaged: Damage[];
  /** Files of images on the host that are not as they were put there: the admin's right, so no damage. */
  changed?: ChangedFile[];
  /** What the policy says of each deployment now; not asked by a repair. */
  trust?: TrustCheck[];
}

/** What a repair works on, beside what people are told. */
export interface Findings {
  verified: Verified;
  store: StoreDamage[];
  deployments: DeploymentDamage[];
  /** Checkouts for other hosts. */
  ready: CheckedReady[];
  /** Every deployment that was looked at. */
  checked: Deployment[];
}

export interface DeploymentDamage {
  deployment: Deployment;
  tree: Tree;
  damaged: TreeDamage[];
}

/** @throws Failure NOT_INSTALLED, IMAGE_UNKNOWN */
export async function verify(host: Host, request: VerifyRequest): Promise<Verified> {
  const { verified, checked } = await findDamage(host, request);
  const trust = await verifyTrust(host, checked);
  const changed = await changedFiles(host, new Set(checked.map(({ name }) => name)));
  const isRefused = verified.clean && trust.some(({ accepted }) => !accepted);
  return { ...verified, ...(isRefused && { clean: false, code: "POLICY_REJECTED" }), changed, trust };
}

export async function findDamage(
  host: Host,
  { names, rate, jobs = Math.min(4, availableParallelism()), mustShare }: VerifyRequest,
): Promise<Findings> {
  host.requireRoot("read the whole store");
  await host.store(); // of a format that is known
  const { layout, report, signal } = host;
  const selected = names.length === 0 ? undefined : await select(host, names);
  report({ type: "step", step: "verify", name: layout.store });
  const only = selected?.images;
  const required = await deployedImages(layout);
  const checkedStore = await verifyStore(layout, { only, required, rate, jobs, report, signal });
  const all = await allDeployments(layout);
  const deployments = all.filter(({ id }) => selected?.deployments.has(id) ?? true);
  const findings: Findings = {
    verified: {
      clean: true,
      checked: {
        names: checkedStore.names,
        images: checkedStore.images,
        layers: checkedStore.layers,
        objects: checkedStore.objects,
        bytes: checkedStore.bytes,
        deployments: deployments.length,
        files: 0,
      },
      damaged: await shareOut(host, checkedStore.damaged, all),
    },
    store: checkedStore.damaged,
    deployments: [],
    ready: [],
    checked: deployments,
  };
  for (const deployment of deployments) await checkDeployment(host, deployment, { findings, mustShare });
  await checkCheckouts(host, only, { findings, mustShare });
  const { verified } = findings;
  if (verified.damaged.length > 0) Object.assign(verified, { clean: false, code: "STORE_CORRUPT" });
  return findings;
}

interface Selection {
  images: Set<Digest>;
  deployments: Set<string>;
}

async function select(host: Host, names: readonly string[]): Promise<Selection> {
  const selection: Selection = { images: new Set(), deployments: new Set() };
  const all = await allDeployments(host.layout);
  for (const name of names) {
    const own = all.filter((deployment) => deployment.name === name || deployment.id === name);
    for (const { id, info } of own) {
      selection.deployments.add(id);
      if (info !== undefined) selection.images.add(imageOf(info));
    }
    if (own.length > 0) continue;
    selection.images.add((await requireContainerOrImage(host, name)).digest);
  }
  return selection;
}

async function requireContainerOrImage(host: Host, name: string): Promise<{ digest: Digest }> {
  try {
    return { digest: imageOf((await findContainer(host, name)).info) };
  } catch (error) {
    if (!isFailure(error, "NOT_INSTALLED")) throw error;
    return (await requireImage(host, name, { orContainer: true })).image;
  }
}

/** The damage of the store with the deployments that have it. */
async function shareOut(
  host: Host,
  damaged: readonly StoreDamage[],
  deployments: readonly Deployment[],
): Promise<Damage[]> {
  const objects = new Set(damaged.filter(({ what }) => what === "object").map(({ key }) => key));
  const sharing = new Map<string, string[]>();
  for (const { id, dir, info } of objects.size === 0 ? [] : deployments) {
    const tree = info && (await treeOf(host, imageOf(info)));
    if (tree === undefined) continue;
    for (const name of sharedObjects(host.layout, tree, { dir: join(dir, "rootfs"), objects }))
      sharing.set(name, [...(sharing.get(name) ?? []), id]);
  }
  return damaged.map(({ what, key, path, reason, images }) => ({
    what,
    path,
    reason,
    images,
    deployments: what === "object" ? (sharing.get(key) ?? []) : [],
  }));
}

async function checkDeployment(
  host: Host,
  deployment: Deployment,
  { findings, mustShare }: { findings: Findings; mustShare: boolean | undefined },
): Promise<void> {
  const { id, dir, info, reason = "it cannot be read" } = deployment;
  const { damaged, checked } = findings.verified;
  const images = info === undefined ? [] : [info.image];
  const record = (path: string, why: string): void => {
    damaged.push({ what: "record", path, reason: why, images, deployments: [id] });
  };
  if (info === undefined) {
    record(join(dir, "info"), reason);
    return;
  }
  if (info.berth.rootfs !== undefined) {
    // It is another's to check; here it must be there.
    if (!existsSync(join(host.config.root, info.berth.rootfs)))
      record(join(dir, "rootfs"), `${info.berth.rootfs}, its root file system, is not there`);
    return;
  }
  const tree = await treeOf(host, imageOf(info));
  if (tree === undefined) return; // the damage of the image is reported
  let whole: Tree;
  try {
    // What has no service has nothing mounted.
    whole =
      info["has-container-service"] === false ? tree : deployedTree(tree, await readRuntimeConfig(dir), dir);
  } catch (error) {
    if (!isFailure(error)) throw error;
    if (existsSync(dir)) record(join(dir, "config.json"), "its content is damaged");
    return;
  }
  const found = await checkCheckout(host, whole, { deployment, mustShare });
  if (found === undefined) return;
  checked.files += found.files;
  if (found.damaged.length > 0)
    findings.deployments.push({ deployment, tree: whole, damaged: found.damaged });
  for (const { path, reason: why } of found.damaged)
    damaged.push({
      what: "file",
      path: join(dir, "rootfs", showBytes(path)),
      reason: why,
      images,
      deployments: [id],
    });
}

async function checkCheckouts(
  host: Host,
  only: ReadonlySet<Digest> | undefined,
  { findings, mustShare }: { findings: Findings; mustShare: boolean | undefined },
): Promise<void> {
  const { damaged, checked } = findings.verified;
  const store = await host.store();
  findings.ready = await checkReady(host, {
    only,
    mustShare,
    async treeOf(digest) {
      const tree = await treeOf(host, digest);
      return tree && { tree, config: (await store.image(digest)).config.config };
    },
  });
  for (const { digest, dir, files, damaged: found } of findings.ready) {
    checked.files += files;
    for (const { path, reason } of found)
      damaged.push({
        what: "file",
        path: join(dir, showBytes(path)),
        reason,
        images: [digest],
        deployments: [],
      });
  }
}

/** What is found is looked at again under the container's lock: it may be on its way out. Undefined when it is gone. */
async function checkCheckout(
  { layout, report, signal }: Host,
  tree: Tree,
  { deployment: { name, dir }, mustShare }: { deployment: Deployment; mustShare: boolean | undefined },
): Promise<CheckedTree | undefined> {
  const mountPoints = new Set(readMountPoints());
  const check = (): Promise<CheckedTree> =>
    checkTree(layout, tree, {
      dir: join(dir, "rootfs"),
      isMountPoint: (path) => mountPoints.has(path.toString()),
      mustShare,
      signal,
    });
  const found = await check();
  if (found.damaged.length === 0) return found;
  using _ = await lockToRead(layout.containerLock(name), { report, signal });
  return existsSync(dir) ? await check() : undefined;
}

/** Undefined where the image or one of its listings is damaged or gone. */
async function treeOf(host: Host, digest: Digest): Promise<Tree | undefined> {
  const store = await host.store();
  try {
    return await store.tree(await store.image(digest));
  } catch (error) {
    if (isFailure(error, "STORE_CORRUPT") || isFailure(error, "IMAGE_UNKNOWN")) return undefined;
    throw error;
  }
}
