/** uninstall of several containers: what later ones need goes last, and a failure of one does not stop the others. */
import { causesOf, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { type Uninstalled, uninstall, uninstallOrder } from "./uninstall.ts";

export interface NotUninstalled {
  name: string;
  code: string;
  message: string;
  hint?: string | undefined;
}

export interface Removals {
  uninstalled: Uninstalled[];
  failed: NotUninstalled[];
}

/** @throws Failure of the one container where there is only one; INTERRUPTED. */
export async function uninstallAll(
  host: Host,
  names: readonly string[],
  { purge }: { purge: boolean },
): Promise<Removals> {
  const removals: Removals = { uninstalled: [], failed: [] };
  const ordered = await uninstallOrder(host, names);
  for (const name of ordered) {
    try {
      removals.uninstalled.push(await uninstall(host, name, { purge }));
    } catch (error) {
      if (ordered.length === 1 || !isFailure(error) || error.code === "INTERRUPTED") throw error;
      const message = [error.message, ...causesOf(error).slice(0, 1)].join(": ");
      removals.failed.push({ name, code: error.code, message, hint: error.hint });
    }
  }
  return removals;
}
