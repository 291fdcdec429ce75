import { type RemovedImages, removeImages } from "../deploy/images.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";

export async function run(context: Context, names: string[]): Promise<RemovedImages> {
  return withHost(context, (host) => removeImages(host, names));
}

export function view({ removed, freed }: RemovedImages): View {
  return [
    ...removed.map((name) => line({ text: name, tone: "strong" }, " is removed")),
    line(`${freed.objects} file${freed.objects === 1 ? "" : "s"} dropped from the store, `, {
      bytes: freed.bytes,
    }),
  ];
}
