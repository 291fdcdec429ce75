import type { Context } from "../command.ts";
import { requireOneStorage } from "./one-storage.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

/** Atomic drops the prefix that a name was pulled by, and does not look at -o. */
export async function translate({ args, options }: Words, context: Context): Promise<Words> {
  requireOstree(options);
  if (context.personality !== "atomic") return { args, options };
  const [typed = "", ...rest] = args;
  const name = typed.replace(/^(https?|oci):(?!\/)/, "");
  await requireOneStorage(context, name, options);
  return { args: [name, ...rest], options: { ...options, options: [] } };
}
