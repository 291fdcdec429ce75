import { type RolledBack, rollback } from "../deploy/rollback.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { RollbackOptions } from "./options.ts";

export async function run(
  context: Context,
  [name = ""]: string[],
  { to, watch }: RollbackOptions,
): Promise<RolledBack> {
  return withHost(context, (host) => rollback(host, name, { to, watchMs: watch * 1000 }));
}

export function view({ name, to }: RolledBack): View {
  return [
    line(
      { text: name, tone: "strong" },
      ` is back at deployment ${to.deployment} (`,
      { digest: to.digest },
      ")",
    ),
  ];
}
