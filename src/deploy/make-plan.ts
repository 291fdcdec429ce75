/** From an image and a request to a plan: what install and update have in common before anything is written. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Tree } from "../layer/tree.ts";
import { loadTemplates } from "../render/templates.ts";
import type { AcceptedImage } from "./accept.ts";
import { orderFilesOf, refuseCycle } from "./check-order.ts";
import type { Info } from "./info.ts";
import { observe, refuseConflicts } from "./observe.ts";
import { seenFrom } from "./paths.ts";
import { type Plan, planDeployment } from "./plan.ts";
import { type Basis, findRemote, missingTargets, remoteBasis } from "./remote-rootfs.ts";
import type { InstallRequest } from "./request.ts";

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
  const planned = await planInPlace(host, input);
  const { plan } = planned;
  await refuseConflicts(host, plan, input.replaces);
  await refuseCycle(host, orderFilesOf(plan.unit, plan.files));
  return planned;
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

async function planOnce(host: Host, { name, request, image, number }: PlanInput): Promise<Planned> {
  const basis = await basisOf(host, { request, image });
  const facts = await observe(host, { name, request, image, ...basis, number });
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
    return { tree: await store.tree(image.image), store, rootfs: undefined };
  }
  const { Store } = await import("../store/store.ts");
  const store = await Store.open(image.ready.state, { create: false });
  return { tree: await store.tree(image.image), store, rootfs: seenFrom(root, image.ready.rootfs) };
}
