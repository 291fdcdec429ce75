import { type ListedImage, listedImage } from "../deploy/images.ts";
import { tagImage } from "../deploy/tag.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";

export interface TagResult {
  image: ListedImage;
}

export async function run(context: Context, [image = "", name = ""]: string[]): Promise<TagResult> {
  return withHost(context, async (host) => ({ image: listedImage(await tagImage(host, image, name)) }));
}

export function view({ image }: TagResult): View {
  return [line({ text: image.name, tone: "strong" }, ` ${image.digest}`)];
}
