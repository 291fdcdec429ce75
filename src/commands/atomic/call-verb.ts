import type { Context, Handler } from "../command.ts";
import type { Words } from "./spelling.ts";

/** What berth's own verb gives for `args` and `options`: a `T`, which the caller knows of it. */
export async function callVerb<T extends object = object>(
  verb: Handler,
  { context, args, options }: Words & { context: Context },
): Promise<T> {
  return (await verb.run(context, args, options as never)) as T;
}
