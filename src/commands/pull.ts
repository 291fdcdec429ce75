import { type ListedImage, listedImage } from "../deploy/images.ts";
import { pull } from "../deploy/pull.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { PullOptions } from "./options.ts";

export interface PullResult {
  image: ListedImage;
  fetched: { layers: number; bytes: number };
}

export async function run(
  context: Context,
  [image = ""]: string[],
  options: PullOptions,
): Promise<PullResult> {
  const { as, platform, authfile, tlsVerify, keepBlobs } = options;
  return withHost(context, async (host) => {
    const pulled = await pull(host, { image, as, platform, authFile: authfile, tlsVerify, keepBlobs });
    return { image: listedImage(pulled), fetched: pulled.fetched };
  });
}

export function view({ image, fetched }: PullResult): View {
  const done =
    fetched.layers === 0
      ? ["everything was here already"]
      : [`${fetched.layers} of ${image.layers} layers fetched, `, { bytes: fetched.bytes }];
  return [line({ text: image.name, tone: "strong" }, ` ${image.digest}`), line(...done)];
}
