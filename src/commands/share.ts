import { type Shared, share } from "../deploy/share.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { ShareOptions } from "./options.ts";

export async function run(
  context: Context,
  [image = "", directory = ""]: string[],
  { checkout }: ShareOptions,
): Promise<Shared> {
  return withHost(context, (host) => share(host, image, { directory, checkout }));
}

export function view({ image, directory }: Shared): View {
  return [line({ text: image, tone: "strong" }, ` is in the store ${directory}`)];
}
