import { dependentsOf, type Uninstalled, uninstall, uninstallOrder } from "../deploy/uninstall.ts";
import { Failure } from "../errors.ts";
import { withHost } from "../host.ts";
import { askTerminal } from "../sys/terminal.ts";
import { fields, line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import { changeNotes } from "./file-notes.ts";
import type { UninstallOptions } from "./options.ts";

export interface UninstallResult {
  uninstalled: Uninstalled[];
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
    const uninstalled: Uninstalled[] = [];
    for (const name of await uninstallOrder(host, names))
      uninstalled.push(await uninstall(host, name, { purge }));
    const files = uninstalled.flatMap((each) => each.files);
    return { uninstalled, notes: changeNotes(files, context.personality) };
  });
}

export function view({ uninstalled, notes }: UninstallResult): View {
  return [
    ...notes.map((text) => line(text)),
    ...uninstalled.flatMap(({ name, kept }) => [
      line({ text: name, tone: "strong" }, " is uninstalled"),
      ...(kept.length > 0 ? [fields([["kept", kept]])] : []),
    ]),
  ];
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
