import { Failure } from "../../errors.ts";
import { layoutOf } from "../../store/layout.ts";
import { line, table, type View } from "../../view.ts";
import type { Context, Handler } from "../command.ts";
import type { UpdateResult } from "../update.ts";
import { callVerb } from "./call-verb.ts";
import { shortId } from "./columns.ts";
import { fetchNamed } from "./fetch.ts";
import { readImageName } from "./image-name.ts";
import { missing, notInstalled } from "./refuse.ts";
import type { Asked, Words } from "./spelling.ts";

type Result = UpdateResult & { state: string };

/** Asks no registry: `images update`, or a pull, has brought what is new. */
export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<Result> {
  checkUsage(args, options);
  const rebase = await fetchRebase(context, options["rebase"]);
  const asked = { ...options, rebase, pull: false };
  const result = await missing(notInstalled(args[0]), () =>
    callVerb<UpdateResult>(verb, { context, args, options: asked }),
  );
  return { ...result, state: context.config.state };
}

/** The image's name for berth's update; one that it could not fetch by that name is fetched here. */
async function fetchRebase(context: Context, rebase: unknown): Promise<string | undefined> {
  if (typeof rebase !== "string") return undefined;
  const source = await readImageName(rebase);
  const { name, options } = await fetchNamed(context, source, {});
  if (options.tlsVerify === false) {
    const { run: pull } = await import("../pull.ts");
    await pull(context, [name], { keepBlobs: false, tlsVerify: false });
  }
  return name;
}

/** Undefined: as berth's own. */
export function view({ updates, notes, state }: Result, { args, options }: Asked): View | undefined {
  const [only] = updates;
  const lines = notes.map((text) => line(text));
  if (options["all"] === true || args.length > 1) return [...lines, ...viewAll(updates)];
  if (only?.outcome === "updated" && only.to !== undefined)
    return [line(`Extracting to ${layoutOf(state).deployment(only.name, only.to.deployment)}`), ...lines];
  return undefined;
}

const STATUS = {
  updated: "Updated now",
  unchanged: "Updated",
  staged: "Not updated",
  planned: "Not updated",
  skipped: "Not updated",
  failed: "Failed",
};

function viewAll(updates: UpdateResult["updates"]): View {
  const titles = [
    "Container",
    "Image ID before update",
    "Image ID after update",
    "Latest image ID",
    "Status",
  ];
  const rows = updates.map((each) => {
    const before = "from" in each ? each.from.digest : "";
    const after = "from" in each && each.outcome === "updated" ? (each.to?.digest ?? "") : before;
    const latest = "from" in each ? (each.to?.digest ?? before) : "";
    return [each.name, ...[before, after, latest].map((id) => shortId(id)), STATUS[each.outcome]];
  });
  const failed = updates.flatMap((each) =>
    each.outcome === "failed" ? [line(`${each.name}: ${each.message}`)] : [],
  );
  return [
    line("SUMMARY"),
    table(
      titles.map((title) => ({ title })),
      rows,
    ),
    ...failed,
  ];
}

function checkUsage(names: readonly string[], { all, set, rebase }: Words["options"]): void {
  if (names.length === 0 && all !== true)
    throw new Failure("USAGE", "Too few arguments.  Please specify the container");
  if (all !== true) return;
  const incompatible = "Incompatible options specified.  --all doesn't support";
  if (names.length > 0) throw new Failure("USAGE", `${incompatible} a container name`);
  if (Object.keys(set as object).length > 0 || rebase !== undefined)
    throw new Failure("USAGE", `${incompatible} --set or --rebase`);
}
