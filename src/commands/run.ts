import { run as runIn } from "../deploy/run.ts";
import { withHost } from "../host.ts";
import type { View } from "../view.ts";
import type { Context } from "./command.ts";
import type { NoOptions } from "./options.ts";

export interface RunResult {
  /** The command's exit status. */
  status: number;
}

/** In a running container this process becomes the command; then there is no result. */
export async function run(
  context: Context,
  [name = "", ...command]: string[],
  _options: NoOptions,
): Promise<RunResult> {
  return withHost(context, async (host) => ({ status: await runIn(host, name, command) }));
}

/** What is seen is what the command wrote. */
export function view(): View {
  return [];
}

export function exitStatus({ status }: RunResult): number {
  return status;
}
