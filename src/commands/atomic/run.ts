import { Failure, isFailure } from "../../errors.ts";
import { line, type View } from "../../view.ts";
import type { Context, Handler } from "../command.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

type Result = { status: number } | { display: string };

export function translate({ args, options }: Words, { personality }: Context): Words {
  requireOstree(options);
  const { name, detach, spc, replace } = options;
  if (name !== undefined && personality === "atomic")
    throw new Failure("USAGE", "--name is not supported by this backend");
  if (detach === true)
    throw new Failure("USAGE", "Cannot use --detach with not running containers", {
      hint: "what has to run beside the service is a service of its own, or `systemd-run berth run ...`",
    });
  for (const [flag, value] of Object.entries({ spc, replace }))
    if (value === true) throw new Failure("USAGE", `--${flag} is only for containers of an engine`);
  return { args, options };
}

/** Without a command the service is started. */
export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<Result> {
  const [name = "", ...command] = args;
  if (options["display"] === true) return { display: displayed(name, command) };
  try {
    // What runs the service runs the command too.
    const own = isImage(name) ? options : { ...options, runtime: undefined };
    if (command.length > 0 || isImage(name)) return (await verb.run(context, args, own as never)) as Result;
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

function displayed(name: string, command: readonly string[]): string {
  return command.length === 0 ? `systemctl start ${name}` : `berth run ${name} ${command.join(" ")}`;
}
