import { Failure, isFailure } from "../../errors.ts";
import { line, type View } from "../../view.ts";
import type { Context, Handler } from "../command.ts";
import { run as list } from "../list.ts";
import { callVerb } from "./call-verb.ts";
import { fetchNamed } from "./fetch.ts";
import { readImageName } from "./image-name.ts";
import { requireOneImage } from "./one-image.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

type Result = { status: number } | { display: string };

export async function translate({ args, options }: Words, context: Context): Promise<Words> {
  requireOstree(options);
  const { name, detach, spc, replace } = options;
  if (name !== undefined && context.personality === "atomic")
    throw new Failure("USAGE", "--name is not supported by this backend");
  if (detach === true) {
    const message = (await isRunning(context, args[0] ?? ""))
      ? "--detach is not available"
      : "Cannot use --detach with not running containers";
    throw new Failure("USAGE", message, {
      hint: "`systemd-run berth run NAME COMMAND` runs it in the background",
    });
  }
  for (const [flag, value] of Object.entries({ spc, replace }))
    if (value === true) throw new Failure("USAGE", `--${flag} is only for containers of an engine`);
  return { args, options };
}

/** Without a command the service is started. */
export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<Result> {
  const [name = "", ...command] = args;
  if (options["display"] === true) return { display: displayed(name, command) };
  try {
    if (isImage(name)) return await runImage(context, { args, options }, verb);
    // What runs the service runs the command too.
    const plain = { ...options, runtime: undefined };
    if (command.length > 0) return await callVerb<Result>(verb, { context, args, options: plain });
    const { run: start } = await import("../start.ts");
    await start(context, [name]);
    return { status: 0 };
  } catch (error) {
    if (!isFailure(error, "NOT_INSTALLED")) throw error;
    throw new Failure("NOT_INSTALLED", `The container '${name}' doesn't exist`, { hint: error.hint });
  }
}

export function view(result: Result): View {
  return "display" in result ? [line(result.display)] : [];
}

export function exitStatus(result: Result): number {
  return "status" in result ? result.status : 0;
}

/** A name with a registry or a tag is an image's, to be run once. */
function isImage(name: string): boolean {
  return /[/:]/.test(name);
}

async function runImage(context: Context, { args, options }: Words, verb: Handler): Promise<Result> {
  const [typed = "", ...command] = args;
  const source = await readImageName(typed);
  if (options["storage"] === undefined) await requireOneImage(context, source.image);
  const image = await fetchNamed(context, source, options);
  const asked = { ...options, ...image.options };
  return callVerb<Result>(verb, { context, args: [image.name, ...command], options: asked });
}

async function isRunning(context: Context, name: string): Promise<boolean> {
  const { containers } = await list(context);
  return containers.some((container) => container.name === name && container.state === "active");
}

function displayed(name: string, command: readonly string[]): string {
  return command.length === 0 ? `systemctl start ${name}` : `berth run ${name} ${command.join(" ")}`;
}
