import { setUpdates } from "../deploy/settings.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { NoOptions } from "./options.ts";

export interface HoldResult {
  names: string[];
}

export async function run(context: Context, names: string[], _options: NoOptions): Promise<HoldResult> {
  return withHost(context, async (host) => {
    for (const name of names) await setUpdates(host, name, "hold");
    return { names };
  });
}

export function view({ names }: HoldResult): View {
  return names.map((name) =>
    line({ text: name, tone: "strong" }, " is held: only `berth update` of it by name updates it"),
  );
}
