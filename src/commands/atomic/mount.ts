import type { Context, Handler } from "../command.ts";
import { requireOneImage } from "./one-image.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

export function translate(words: Words): Words {
  requireOstree(words.options);
  return words;
}

export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<object> {
  if (options["storage"] === undefined) await requireOneImage(context, args[0] ?? "");
  return verb.run(context, args, options as never) as Promise<object>;
}
