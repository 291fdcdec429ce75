import type { Context } from "../command.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

/** Atomic drops the prefix that a name was pulled by, and does not look at -o. */
export function translate({ args, options }: Words, { personality }: Context): Words {
  requireOstree(options);
  if (personality !== "atomic") return { args, options };
  const [name = "", ...rest] = args;
  return { args: [name.replace(/^(https?|oci):(?!\/)/, ""), ...rest], options: { ...options, options: [] } };
}
