import { containerNames } from "../deploy/containers.ts";
import { type Updated, type UpdateRequest, update } from "../deploy/update.ts";
import { Failure } from "../errors.ts";
import { type Host, withHost } from "../host.ts";
import { fields, line, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { UpdateOptions } from "./options.ts";

export interface UpdateResult {
  updates: Outcome[];
}

/** With `--all`, one failure does not stop the others. */
export type Outcome = Updated | { name: string; outcome: "failed"; code: string; message: string };

export async function run(context: Context, names: string[], options: UpdateOptions): Promise<UpdateResult> {
  checkUsage(names, options);
  const request = requestOf(options);
  return withHost(context, async (host) => {
    if (!options.all) return { updates: await updateNamed(host, names, request) };
    return { updates: await updateAll(host, request) };
  });
}

export function view({ updates }: UpdateResult): View {
  if (updates.length === 1 && updates[0]?.outcome !== "failed") return viewOne(updates[0] as Updated);
  return [
    table(
      [
        { title: "NAME" },
        { title: "OUTCOME" },
        { title: "FROM" },
        { title: "TO" },
        { title: "REASON", elastic: true },
      ],
      updates.map((each) =>
        each.outcome === "failed"
          ? [each.name, { text: each.outcome, tone: "bad" }, "", "", each.message]
          : [each.name, each.outcome, { digest: each.from.digest }, { digest: each.to?.digest ?? "" }, ""],
      ),
    ),
  ];
}

export function exitStatus({ updates }: UpdateResult): number {
  return updates.some(({ outcome }) => outcome === "failed") ? 1 : 0;
}

function viewOne({ name, outcome, from, to, changed, plan }: Updated): View {
  const strong = { text: name, tone: "strong" } as const;
  if (outcome === "unchanged") return [line("Latest version already installed.")];
  if (outcome === "planned") {
    return [
      line("Nothing is changed. An update of ", strong, " would go"),
      fields([
        ["from", `deployment ${from.deployment}, ${from.digest}`],
        ["to", `deployment ${to?.deployment}, ${to?.digest}`],
        ["image", plan?.image],
        ["changed", changed.length > 0 ? changed : "nothing but files of the image"],
      ]),
    ];
  }
  const done = outcome === "staged" ? " is staged as deployment " : " is updated to deployment ";
  return [line(strong, done, String(to?.deployment), " (", { digest: to?.digest ?? "" }, ")")];
}

async function updateNamed(host: Host, names: readonly string[], request: UpdateRequest): Promise<Outcome[]> {
  const updates: Outcome[] = [];
  for (const name of names) updates.push(await update(host, name, request));
  return updates;
}

async function updateAll(host: Host, request: UpdateRequest): Promise<Outcome[]> {
  const updates: Outcome[] = [];
  for (const name of await containerNames(host.layout)) {
    try {
      updates.push(await update(host, name, request));
    } catch (error) {
      if (!(error instanceof Failure) || error.code === "INTERRUPTED") throw error;
      updates.push({ name, outcome: "failed", code: error.code, message: error.message });
    }
  }
  return updates;
}

function checkUsage(names: readonly string[], { all, set, unset, rebase }: UpdateOptions): void {
  if (all && names.length > 0) throw new Failure("USAGE", "--all takes no names");
  if (!all && names.length === 0)
    throw new Failure("USAGE", "which containers?", { hint: "name them, or give --all" });
  const single = Object.keys(set).length + unset.length > 0 || rebase !== undefined;
  if (single && (all || names.length > 1))
    throw new Failure("USAGE", "--set, --unset and --rebase are for one container");
}

function requestOf({
  set,
  unset,
  rebase,
  pull,
  watch,
  dryRun,
  stageOnly,
  apply,
}: UpdateOptions): UpdateRequest {
  return { set, unset, rebase, pull, watchMs: watch * 1000, dryRun, stageOnly, apply };
}
