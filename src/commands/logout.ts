import { type LoggedOut, logout } from "../deploy/registry.ts";
import { Failure } from "../errors.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { LogoutOptions } from "./options.ts";

export async function run(
  context: Context,
  [registry]: string[],
  { all, authfile }: LogoutOptions,
): Promise<LoggedOut> {
  if (all !== (registry === undefined))
    throw new Failure("USAGE", all ? "--all takes no registry" : "which registry?", {
      hint: "name one, or give --all",
    });
  return withHost(context, (host) => logout(host, { registry, authFile: authfile }));
}

export function view({ registry, removedFrom }: LoggedOut): View {
  const what = registry === undefined ? "all credentials" : `the credentials for ${registry}`;
  return [line(`${what} are removed from ${removedFrom}`)];
}
