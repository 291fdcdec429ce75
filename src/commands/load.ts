import { type ListedImage, listedImage } from "../deploy/images.ts";
import { load } from "../deploy/save.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";

export interface LoadResult {
  images: ListedImage[];
}

export async function run(context: Context, [file = ""]: string[]): Promise<LoadResult> {
  return withHost(context, async (host) => ({ images: (await load(host, file)).map(listedImage) }));
}

export function view({ images }: LoadResult): View {
  return images.map(({ name, digest }) => line({ text: name, tone: "strong" }, ` ${digest}`));
}
