/** prune: drops from the store what no name and no deployment refers to. */
import type { Host } from "../host.ts";
import type { Pruned } from "../store/prune.ts";
import { deployedImages } from "./deployments.ts";
import { removeStaleScratch } from "./scratch.ts";

export interface PruneResult extends Pruned {
  dryRun: boolean;
}

/** `graceMs`: what came less than so many milliseconds ago stays. */
export async function prune(
  host: Host,
  { dryRun, graceMs }: { dryRun: boolean; graceMs?: number | undefined },
): Promise<PruneResult> {
  host.requireRoot("prune the store");
  const store = dryRun ? await host.store() : await host.writableStore();
  if (!dryRun) await removeStaleScratch(host);
  host.report({ type: "step", step: "prune", name: host.layout.store });
  const pruned = await store.prune({ dryRun, graceMs, keep: () => deployedImages(host.layout) });
  return { dryRun, ...pruned };
}
