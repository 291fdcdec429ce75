import { type RefreshedImage, refreshImages } from "../../deploy/refresh-images.ts";
import { Failure } from "../../errors.ts";
import { withHost } from "../../host.ts";
import { line, table, type View } from "../../view.ts";
import type { Context } from "../command.ts";
import { shortId } from "./columns.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

interface Result {
  images: RefreshedImage[];
  all: boolean;
}

export async function run(context: Context, [image]: string[], options: Words["options"]): Promise<Result> {
  requireOstree(options);
  const all = options["all"] === true;
  if (options["force"] === true) throw new Failure("USAGE", "--force is not supported by ostree images");
  if (all === (image !== undefined))
    throw new Failure("USAGE", all ? "--all takes no image" : "which image?", {
      hint: "name one, or give --all",
    });
  return withHost(context, async (host) => ({ images: await refreshImages(host, image), all }));
}

const STATUS = { updated: "Updated now", unchanged: "Updated", failed: "Could not pull" };

export function view({ images, all }: Result): View {
  const [only] = images;
  if (!all && only !== undefined) return [line(`${only.name} ${only.after}`)];
  const titles = ["Image", "Image ID before update", "Image ID after update", "Status"];
  return [
    line("SUMMARY"),
    table(
      titles.map((title) => ({ title })),
      images.map(({ name, before, after, outcome }) => [
        name,
        shortId(before),
        shortId(after),
        STATUS[outcome],
      ]),
    ),
    ...images.flatMap(({ name, reason }) => (reason === undefined ? [] : [line(`${name}: ${reason}`)])),
  ];
}

export function exitStatus({ images }: Result): number {
  return images.some(({ outcome }) => outcome === "failed") ? 1 : 0;
}
