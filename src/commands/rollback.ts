import { type RolledBack, rollback } from "../deploy/rollback.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import { changeNotes } from "./file-notes.ts";
import type { RollbackOptions } from "./options.ts";

export interface RollbackResult extends RolledBack {
  /** What the admin should know of the image's files on the host, a line each. */
  notes: string[];
}

export async function run(
  context: Context,
  [name = ""]: string[],
  { to, watch }: RollbackOptions,
): Promise<RollbackResult> {
  return withHost(context, async (host) => {
    const done = await rollback(host, name, { to, watchMs: watch * 1000 });
    return { ...done, notes: changeNotes(done.files, context.personality) };
  });
}

export function view({ name, to, notes }: RollbackResult): View {
  return [
    ...notes.map((text) => line(text)),
    line(
      { text: name, tone: "strong" },
      ` is back at deployment ${to.deployment} (`,
      { digest: to.digest },
      ")",
    ),
  ];
}
