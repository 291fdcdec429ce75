/** From an image and a request to a plan: what install and update have in common before anything is written. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Tree } from "../layer/tree.ts";
import { loadTemplates } from "../render/templates.ts";
import type { Store } from "../store/store.ts";
import type { AcceptedImage } from "./accept.ts";
import { orderFilesOf, refuseCycle } from "./check-order.ts";
import { foreseeInstalled } from "./foresee-installed.ts";
import { refuseHostAccess } from "./host-access.ts";
import type { Info } from "./info.ts";
import { observe, refuseConflicts } from "./observe.ts";
import { seenFrom } from "./paths.ts";
import { type Plan, planDeployment } from "./plan.ts";
import { type Basis, findRemote, missingTargets, type ReadNow, remoteBasis } from "./remote-rootfs.ts";
import type { InstallRequest } from "./request.ts";
import { refuseForeignState } from "./state-record.ts";

export interface PlanInput {
  name: string;
  request: InstallRequest;
  image: AcceptedImage;
  /** Of the deployment to be made. */
  number: number;
  /** The deployment whose place it takes: its files on the host may be replaced. */
  replaces?: Info;
}

/** A plan, and the root file system that it is for. */
export interface Planned {
  plan: Plan;
  tree: Tree;
}

/** Every check that can be done before the host is touched is done when this returns. */
export async function makePlan(host: Host, input: PlanInput): Promise<Planned> {
  const { name, request, replaces } = input;
  const { plan, tree } = await planInPlace(host, input);
  refuseHostAccess(plan.hostAccess, { image: plan.image, allowed: host.config.hostAccess });
  await refuseConflicts(host, plan, replaces);
  if (!request.adoptState) {
    const paths = plan.state.map(({ path }) => path);
    await refuseForeignState(host, name, { paths, own: replaces?.berth.state });
  }
  if (plan.service) await refuseCycle(host, orderFilesOf(plan.unit, plan.files));
  return { plan: await foreseeInstalled(host, plan, request), tree };
}

/** What is to be used in place must have what is mounted on: a ready checkout that has not is copied after all. */
async function planInPlace(host: Host, input: PlanInput): Promise<Planned> {
  const planned = await planOnce(host, input);
  const missing = missingTargets(host, planned.plan);
  if (missing.length === 0) return planned;
  const { ready, ...image } = input.image;
  const lack = `${planned.plan.rootfs} has no ${missing.join(", ")} to mount on`;
  const borrowed = ready && (await (await host.writableStore()).borrow(image.name));
  if (borrowed === undefined) {
    throw new Failure("CONFIG_INVALID", `${lack}, and is not changed`, { hint: "make it there first" });
  }
  host.report({ type: "warning", message: `${lack}: the files of ${image.name} are copied` });
  return planOnce(host, { ...input, image });
}

async function planOnce(host: Host, { name, request, image, number, replaces }: PlanInput): Promise<Planned> {
  const basis = await basisOf(host, { request, image });
  const facts = await observe(host, { name, request, image, ...basis, number, replaces });
  const render = await loadTemplates(host.config.templatesDirectory);
  return { plan: planDeployment(name, request, { facts, render }), tree: basis.tree };
}

/** Where the root file system comes from, and what is in it. */
export async function basisOf(
  host: Host,
  { request, image }: Pick<PlanInput, "request" | "image">,
): Promise<Basis> {
  const { root } = host.config;
  if (request.rootfs !== undefined) return remoteBasis(host, await findRemote(root, request.rootfs));
  if (image.ready === undefined) {
    const store = await host.store();
    return { ...(await storedBasis(store, image)), rootfs: undefined };
  }
  const { Store } = await import("../store/store.ts");
  const store = await Store.open(image.ready.state, { create: false });
  return { ...(await storedBasis(store, image)), rootfs: seenFrom(root, image.ready.rootfs) };
}

async function storedBasis(store: Store, { image }: AcceptedImage): Promise<Omit<Basis, "rootfs">> {
  const { readTreeFile } = await import("../store/read-tree-file.ts");
  const readNow: ReadNow = (tree, path, limit) => readTreeFile(store.layout, tree, { path, limit });
  return { tree: await store.tree(image), store, readNow };
}
