import { parseNetwork } from "../deploy/network.ts";
import type { InstallRequest } from "../deploy/request.ts";
import { run as runIn } from "../deploy/run.ts";
import { withHost } from "../host.ts";
import type { View } from "../view.ts";
import type { Context } from "./command.ts";
import type { RunOptions } from "./options.ts";
import { sandboxRequest } from "./sandbox-request.ts";

/** Options of what runs as a new container. */
const OWN = [
  ...["name", "set", "values", "env", "volume", "runtime", "runtimeLossy", "privileged"],
  ...["network", "platform", "authfile", "tlsVerify"],
] as (keyof RunOptions)[];

export interface RunResult {
  /** The command's exit status. */
  status: number;
}

/** In a running container this process becomes the command; then there is no result. */
export async function run(
  context: Context,
  [typed = "", ...command]: string[],
  options: RunOptions,
): Promise<RunResult> {
  return withHost(context, async (host) => {
    const isPlain = OWN.every((name) => isUnset(options[name]));
    const request = await requestOf(typed, options);
    return { status: await runIn(host, request, { command, isPlain }) };
  });
}

/** What is seen is what the command wrote. */
export function view(): View {
  return [];
}

export function exitStatus({ status }: RunResult): number {
  return status;
}

async function requestOf(image: string, options: RunOptions): Promise<InstallRequest> {
  return {
    image,
    ...(await sandboxRequest(options)),
    runtime: options.runtime,
    ...(options.runtimeLossy ? { runtimeLossy: true } : {}),
    ...(options.privileged ? { privileged: true } : {}),
    ...(options.network === undefined ? {} : { network: parseNetwork(options.network) }),
    order: { after: [], before: [], requires: [], wants: [], partOf: [] },
    wantedBy: [],
    start: false,
  };
}

function isUnset(value: unknown): boolean {
  return (
    value === undefined ||
    value === false ||
    (typeof value === "object" && Object.keys(value ?? {}).length === 0)
  );
}
