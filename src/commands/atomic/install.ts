import { currentDeployment } from "../../deploy/containers.ts";
import type { Ran } from "../../deploy/install.ts";
import { isFailure } from "../../errors.ts";
import { withHost } from "../../host.ts";
import { containerNameOf, parseReference } from "../../oci/reference.ts";
import { layoutOf } from "../../store/layout.ts";
import { line, type View } from "../../view.ts";
import type { Context, Handler } from "../command.ts";
import { type InstallResult, view as viewInstall } from "../install.ts";
import { viewNotes } from "../notes.ts";
import { callVerb } from "./call-verb.ts";
import { fetchNamed } from "./fetch.ts";
import { type NamedSource, readImageName } from "./image-name.ts";
import { requireSystem } from "./refuse.ts";
import type { Words } from "./spelling.ts";

/** `present`: a container of that name was there, and nothing was done. */
type Result = { name: string; present: true } | (InstallResult & { destination: string }) | Ran;

/** `--display` is berth's `--dry-run`. */
export function translate({ args, options }: Words): Words {
  requireSystem(options);
  const { display, ...others } = options;
  return { args, options: display === true ? { ...others, dryRun: true } : others };
}

/** Starts nothing. */
export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<Result> {
  const source = await readImageName(args[0] ?? "");
  const name = nameFor(source, options);
  if (await isInstalled(context, name)) return { name, present: true };
  const image = await fetchNamed(context, source, options);
  try {
    const asked = { ...options, ...image.options, start: false };
    const result = await callVerb<InstallResult | Ran>(verb, { context, args: [image.name], options: asked });
    if ("status" in result) return result;
    const { plan } = result;
    const destination = layoutOf(context.config.state).deployment(plan.name, plan.deployment);
    return { ...result, destination };
  } catch (error) {
    // Another command was faster.
    if (isFailure(error, "NAME_TAKEN") && (await isInstalled(context, name))) return { name, present: true };
    throw error;
  }
}

export function exitStatus(result: Result): number {
  return "status" in result ? result.status : 0;
}

export function view(result: Result): View {
  if ("status" in result) return [];
  if ("present" in result) return [line(`${result.name} already present`)];
  const head = line(`Extracting to ${result.destination}`);
  return result.dryRun
    ? [head, ...viewInstall(result)]
    : [head, ...result.files.map((text) => line(text)), ...viewNotes(result.notes)];
}

function nameFor({ as, image }: NamedSource, { name }: Words["options"]): string {
  return (name as string | undefined) ?? containerNameOf(parseReference(as ?? image));
}

async function isInstalled(context: Context, name: string): Promise<boolean> {
  return withHost(context, async ({ layout }) => (await currentDeployment(layout, name)) !== undefined);
}
