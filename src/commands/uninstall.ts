import { dependentsOf } from "../deploy/uninstall.ts";
import { type Removals, uninstallAll } from "../deploy/uninstall-all.ts";
import { Failure } from "../errors.ts";
import { withHost } from "../host.ts";
import { askTerminal } from "../sys/terminal.ts";
import { fields, line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import { changeNotes } from "./file-notes.ts";
import type { UninstallOptions } from "./options.ts";

export interface UninstallResult extends Removals {
  /** What the admin should know of the images' files on the host, a line each. */
  notes: string[];
}

export async function run(
  context: Context,
  names: string[],
  { purge }: UninstallOptions,
): Promise<UninstallResult> {
  return withHost(context, async (host) => {
    await confirmDependents(await dependentsOf(host, names), context);
    const removals = await uninstallAll(host, names, { purge });
    const files = removals.uninstalled.flatMap((each) => each.files);
    return { ...removals, notes: changeNotes(files, context.personality) };
  });
}

export function view({ uninstalled, failed, notes }: UninstallResult): View {
  return [
    ...notes.map((text) => line(text)),
    ...uninstalled.flatMap(({ name, kept }) => [
      line({ text: name, tone: "strong" }, " is uninstalled"),
      ...(kept.length > 0 ? [fields([["kept", kept]])] : []),
    ]),
    ...failed.map(({ name, message, hint }) =>
      line(
        { text: name, tone: "strong" },
        { text: " is not uninstalled: ", tone: "bad" },
        message,
        hint === undefined ? "" : ` (${hint})`,
      ),
    ),
  ];
}

export function exitStatus({ failed }: UninstallResult): number {
  return failed.length > 0 ? 1 : 0;
}

/** What requires a container stops with it, and does not start again without it. */
async function confirmDependents(
  dependents: readonly { unit: string; name: string }[],
  { globals, report, signal }: Context,
): Promise<void> {
  if (dependents.length === 0) return;
  const what = dependents.map(({ unit, name }) => `${unit} requires ${name}`).join(", ");
  const consequence = `${what}: it stops now and cannot start without`;
  if (globals.yes) return report({ type: "warning", message: consequence });
  const answer = await askTerminal({ text: `${consequence}. Go on? [y/N] `, signal });
  if (/^y(?:es)?$/i.test(answer?.trim() ?? "")) return;
  throw new Failure("REQUIRED", `nothing was done: ${consequence}`, {
    hint: "uninstall both at once, change the order with `berth order`, or give --yes",
  });
}
