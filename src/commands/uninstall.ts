import { type Uninstalled, uninstall, uninstallOrder } from "../deploy/uninstall.ts";
import { withHost } from "../host.ts";
import { fields, line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { UninstallOptions } from "./options.ts";

export interface UninstallResult {
  uninstalled: Uninstalled[];
}

export async function run(
  context: Context,
  names: string[],
  { purge }: UninstallOptions,
): Promise<UninstallResult> {
  return withHost(context, async (host) => {
    const uninstalled: Uninstalled[] = [];
    for (const name of await uninstallOrder(host, names))
      uninstalled.push(await uninstall(host, name, { purge }));
    return { uninstalled };
  });
}

export function view({ uninstalled }: UninstallResult): View {
  return uninstalled.flatMap(({ name, kept }) => [
    line({ text: name, tone: "strong" }, " is uninstalled"),
    ...(kept.length > 0 ? [fields([["kept", kept]])] : []),
  ]);
}
