import { listTags, type Tags } from "../deploy/registry.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { RegistryOptions } from "./options.ts";

export async function run(
  context: Context,
  [repository = ""]: string[],
  { authfile, tlsVerify }: RegistryOptions,
): Promise<Tags> {
  return withHost(context, (host) => listTags(host, { repository, authFile: authfile, tlsVerify }));
}

export function view({ tags }: Tags): View {
  return tags.map((tag) => line(tag));
}
