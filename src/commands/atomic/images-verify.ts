import { type ComparedImage, compareImages } from "../../deploy/refresh-images.ts";
import { Failure } from "../../errors.ts";
import { withHost } from "../../host.ts";
import { table, type View } from "../../view.ts";
import type { Context } from "../command.ts";
import { shortId } from "./columns.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

interface Result {
  images: ComparedImage[];
}

export async function run(context: Context, [image]: string[], options: Words["options"]): Promise<Result> {
  requireOstree(options);
  const all = options["all"] === true;
  if (all === (image !== undefined))
    throw new Failure("USAGE", all ? "--all takes no image" : "which image?", {
      hint: "name one, or give --all",
    });
  return withHost(context, async (host) => ({ images: await compareImages(host, image) }));
}

export function view({ images }: Result): View {
  return [
    table(
      [{ title: "NAME" }, { title: "LOCAL VERSION" }, { title: "REMOTE VERSION" }, { title: "DIFFERS" }],
      images.map(({ name, version, digest, remoteVersion, remoteDigest }) => [
        name,
        version ?? shortId(digest),
        remoteVersion ?? shortId(remoteDigest),
        digest === remoteDigest ? "False" : "True",
      ]),
    ),
  ];
}
