/** From an image and a request to a plan: what install and update have in common before anything is written. */
import type { Host } from "../host.ts";
import { loadTemplates } from "../render/templates.ts";
import type { AcceptedImage } from "./accept.ts";
import { orderFilesOf, refuseCycle } from "./check-order.ts";
import { foreseeInstalled } from "./foresee-installed.ts";
import { refuseHostAccess } from "./host-access.ts";
import type { Info } from "./info.ts";
import { observe, refuseConflicts } from "./observe.ts";
import { type Plan, planDeployment } from "./plan.ts";
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

/** Every check that can be done before the host is touched is done when this returns. */
export async function makePlan(
  host: Host,
  { name, request, image, number, replaces }: PlanInput,
): Promise<Plan> {
  const store = await host.store();
  const tree = await store.tree(image.image);
  const facts = await observe(host, { name, request, image, tree, store, number, replaces });
  const render = await loadTemplates(host.config.templatesDirectory);
  const plan = planDeployment(name, request, { facts, render });
  refuseHostAccess(plan.hostAccess, { image: plan.image, allowed: host.config.hostAccess });
  await refuseConflicts(host, plan, replaces);
  if (!request.adoptState) {
    const paths = plan.state.map(({ path }) => path);
    await refuseForeignState(host, name, { paths, own: replaces?.berth.state });
  }
  if (plan.service) await refuseCycle(host, orderFilesOf(plan.unit, plan.files));
  return foreseeInstalled(host, plan, request);
}
