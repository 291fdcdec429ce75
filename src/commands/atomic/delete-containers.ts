/** `uninstall` and `containers delete`, which asks. */
import { containerNames } from "../../deploy/containers.ts";
import { Failure } from "../../errors.ts";
import { layoutOf } from "../../store/layout.ts";
import { line, type View } from "../../view.ts";
import type { Context, Handler } from "../command.ts";
import { exitStatus as exitStatusOf, type UninstallResult, view as viewUninstall } from "../uninstall.ts";
import { callVerb } from "./call-verb.ts";
import { confirmDelete } from "./confirm.ts";
import { missing, notInstalled, requireOstree } from "./refuse.ts";
import type { Asked, Words } from "./spelling.ts";

type Result = UninstallResult | { wouldDelete: string[] };

/** What nobody named one by one is asked about in either personality. */
export async function translate({ args, options }: Words, context: Context): Promise<Words> {
  requireOstree(options);
  const { all, name } = options;
  if (name !== undefined)
    throw new Failure("USAGE", "System containers do not support --name. Please use atomic uninstall NAME");
  if (all === true && args.length > 0)
    throw new Failure("USAGE", "Incompatible options specified.  --all doesn't support a container name");
  if (all !== true && args.length === 0)
    throw new Failure("USAGE", "Too few arguments.  Please specify the container, or --all");
  if (all !== true) return { args, options };
  const names = await containerNames(layoutOf(context.config.state));
  if (context.personality === "berth" && names.length > 0) await confirmDelete(context, names);
  return { args: names, options };
}

export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<Result> {
  const { display, force, all } = options;
  if (display === true) return { wouldDelete: args };
  if (args.length === 0) return { uninstalled: [], failed: [], notes: [] };
  for (const name of args) await requireInstalled(context, name);
  // Only `containers delete` has --all, and asks.
  if (all !== undefined) await confirmDelete(context, args);
  const yes = context.globals.yes || force === true || all !== undefined;
  const sure = { ...context, globals: { ...context.globals, yes } };
  return missing(notInstalled(args[0]), () =>
    callVerb<UninstallResult>(verb, { context: sure, args, options }),
  );
}

export function view(result: Result, _asked: Asked): View {
  if ("uninstalled" in result) return viewUninstall(result);
  return result.wouldDelete.map((name) => line(`systemctl disable --now ${name}`));
}

export function exitStatus(result: Result): number {
  return "uninstalled" in result ? exitStatusOf(result) : 0;
}

async function requireInstalled({ config }: Context, name: string): Promise<void> {
  if ((await containerNames(layoutOf(config.state))).includes(name)) return;
  throw new Failure("NOT_INSTALLED", notInstalled(name), { hint: "atomic containers list -a shows what is" });
}
