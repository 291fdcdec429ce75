import { type CopyResult, push } from "../deploy/copy.ts";
import { withHost } from "../host.ts";
import type { Context } from "./command.ts";
import type { PushOptions } from "./options.ts";

export { view } from "./copy.ts";

export async function run(
  context: Context,
  [image = "", to]: string[],
  { authfile, key, ...options }: PushOptions,
): Promise<CopyResult> {
  return withHost(context, (host) => push(host, { image, to, authFile: authfile, keyFile: key, ...options }));
}
