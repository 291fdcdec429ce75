import { hostAccessLines } from "../deploy/host-access.ts";
import { type Switched, type UpdateRequest, update } from "../deploy/update.ts";
import { type Outcome, updateAll } from "../deploy/update-all.ts";
import { Failure } from "../errors.ts";
import { type Host, withHost } from "../host.ts";
import { fields, line, type Text, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import { refuseTogether } from "./exclusive.ts";
import { changeNotes } from "./file-notes.ts";
import { givenValues } from "./given-values.ts";
import { viewNotes } from "./notes.ts";
import type { UpdateOptions } from "./options.ts";

export interface UpdateResult {
  updates: Outcome[];
  /** What the admin should know of the images' files on the host, a line each. */
  notes: string[];
}

export async function run(context: Context, names: string[], options: UpdateOptions): Promise<UpdateResult> {
  checkUsage(names, options);
  const keepHostFiles = options.keepHostFiles || context.personality === "atomic";
  const request = requestOf({ ...options, keepHostFiles, set: await givenValues(options) });
  return withHost(context, async (host) => {
    const several = options.all || options.auto;
    const updates = await (several ? updateAll(host, request) : updateNamed(host, names, request));
    const files = updates.flatMap((each) => ("files" in each ? each.files : []));
    return { updates, notes: changeNotes(files, context.personality) };
  });
}

export function view({ updates, notes }: UpdateResult): View {
  if (updates.length === 0) return [line("nothing is installed that this is for")];
  const [only] = updates;
  const lines = notes.map((text) => line(text));
  if (updates.length === 1 && only !== undefined && "from" in only) return [...lines, ...viewOne(only)];
  return [
    ...lines,
    table(
      [
        { title: "NAME" },
        { title: "OUTCOME" },
        { title: "FROM" },
        { title: "TO" },
        { title: "REASON", elastic: true },
      ],
      updates.map(rowOf),
    ),
  ];
}

export function exitStatus({ updates }: UpdateResult): number {
  return updates.some(({ outcome }) => outcome === "failed") ? 1 : 0;
}

function rowOf(each: Outcome): Text[] {
  if (each.outcome === "failed")
    return [each.name, { text: each.outcome, tone: "bad" }, "", "", each.message];
  if (each.outcome === "skipped") return [each.name, each.outcome, "", "", each.reason];
  return [each.name, each.outcome, { digest: each.from.digest }, { digest: each.to?.digest ?? "" }, ""];
}

function viewOne({ name, outcome, from, to, changed, plan, oneWay, notes, files }: Switched): View {
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
        [
          "image's files",
          files
            .filter(({ outcome: each }) => ["created", "replaced", "removed"].includes(each))
            .map(({ path, outcome: each }) => `${path} (${each === "created" ? "new" : each})`),
        ],
        ["host access", hostAccessLines(plan?.hostAccess ?? [])],
        [
          "data",
          oneWay ? "changed for good: older versions may not read it (berth.data=one-way)" : undefined,
        ],
      ]),
      ...viewNotes(notes),
    ];
  }
  const done = outcome === "staged" ? " is staged as deployment " : " is updated to deployment ";
  return [
    line(strong, done, String(to?.deployment), " (", { digest: to?.digest ?? "" }, ")"),
    ...viewNotes(notes),
  ];
}

async function updateNamed(host: Host, names: readonly string[], request: UpdateRequest): Promise<Outcome[]> {
  const updates: Outcome[] = [];
  for (const name of names) updates.push(await update(host, name, request));
  return updates;
}

function checkUsage(
  names: readonly string[],
  { all, auto, set, values, unset, rebase, apply, dryRun, stageOnly }: UpdateOptions,
): void {
  const several = all ? "--all" : auto ? "--auto" : undefined;
  refuseTogether({ "--all": all, "--auto": auto });
  // What was staged has its image and its values.
  for (const [option, given] of Object.entries({
    "--stage-only": stageOnly,
    "--dry-run": dryRun,
    "--rebase": rebase !== undefined,
    "--set": Object.keys(set).length > 0,
    "--values": values !== undefined,
    "--unset": unset.length > 0,
  }))
    refuseTogether({ "--apply": apply, [option]: given });
  if (several !== undefined && names.length > 0) throw new Failure("USAGE", `${several} takes no names`);
  if (several === undefined && names.length === 0)
    throw new Failure("USAGE", "which containers?", { hint: "name them, or give --all" });
  const single = Object.keys(set).length + unset.length > 0 || values !== undefined || rebase !== undefined;
  if (single && (several !== undefined || names.length > 1))
    throw new Failure("USAGE", "--set, --values, --unset and --rebase are for one container");
}

function requestOf(options: UpdateOptions): UpdateRequest {
  const { set, unset, rebase, pull, watch, dryRun, stageOnly, apply, auto } = options;
  const keepHostFiles = options.keepHostFiles || undefined;
  return { set, unset, rebase, keepHostFiles, pull, watchMs: watch * 1000, dryRun, stageOnly, apply, auto };
}
