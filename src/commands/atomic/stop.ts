import { line, type View } from "../../view.ts";
import type { Context, Handler } from "../command.ts";
import { type ControlResult, viewControlled } from "../controlled.ts";
import { callVerb } from "./call-verb.ts";
import { missing, notInstalled } from "./refuse.ts";
import type { Words } from "./spelling.ts";

type Result = ControlResult & { display?: string };

export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<Result> {
  if (options["display"] === true) return { containers: [], display: `systemctl stop ${args.join(" ")}` };
  return missing(notInstalled(args[0]), () => callVerb<Result>(verb, { context, args, options }));
}

export function view(result: Result): View {
  return result.display === undefined ? viewControlled(result) : [line(result.display)];
}
