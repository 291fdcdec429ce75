import { type Recovered, recoverAll } from "../deploy/recover.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { RecoverOptions } from "./options.ts";

export interface RecoverResult {
  recovered: Recovered[];
}

export async function run(
  context: Context,
  _args: string[],
  { boot }: RecoverOptions,
): Promise<RecoverResult> {
  return withHost(context, async (host) => ({ recovered: await recoverAll(host, { atBoot: boot }) }));
}

export function view({ recovered }: RecoverResult): View {
  if (recovered.length === 0) return [line("nothing was interrupted")];
  return recovered.map(({ name, action, outcome }) =>
    line(
      { text: name, tone: "strong" },
      `: its ${action === "order" ? "change of the order" : action} is ${outcome}`,
    ),
  );
}
