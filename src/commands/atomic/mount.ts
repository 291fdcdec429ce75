import type { Context, Handler } from "../command.ts";
import { callVerb } from "./call-verb.ts";
import { requireOneImage } from "./one-image.ts";
import { requireOstree } from "./refuse.ts";
import type { Asked, Words } from "./spelling.ts";

/** Atomic drops the prefix that a name was pulled by, and does not look at -o. */
export function translate({ args, options }: Words, { personality }: Context): Words {
  requireOstree(options);
  if (personality !== "atomic") return { args, options };
  const [name = "", ...rest] = args;
  return { args: [name.replace(/^(https?|oci):(?!\/)/, ""), ...rest], options: { ...options, options: [] } };
}

export async function run(
  context: Context,
  { args, options }: Words,
  verb: Handler,
  asked: Asked,
): Promise<object> {
  if (asked.options["storage"] === undefined) await requireOneImage(context, args[0] ?? "");
  return callVerb(verb, { context, args, options });
}
