import { type ListedImage, listImages } from "../deploy/images.ts";
import { withHost } from "../host.ts";
import { line, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { ImagesOptions } from "./options.ts";

export interface ImagesResult {
  images: ListedImage[];
}

export async function run(
  context: Context,
  _args: string[],
  { filter }: ImagesOptions,
): Promise<ImagesResult> {
  return withHost(context, async (host) => ({ images: await listImages(host, filter) }));
}

export function view({ images }: ImagesResult): View {
  if (images.length === 0) return [line("no images")];
  return [
    table(
      [
        { title: "NAME", elastic: true },
        { title: "DIGEST" },
        { title: "LAYERS", align: "right" },
        { title: "SIZE", align: "right" },
        { title: "PULLED" },
      ],
      images.map(({ name, digest, layers, size, pulled }) => [
        { text: name, tone: "strong" },
        { digest },
        String(layers),
        { bytes: size },
        { since: pulled },
      ]),
    ),
  ];
}
