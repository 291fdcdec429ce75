import { versionOf } from "../../deploy/image-version.ts";
import { requireImage } from "../../deploy/images.ts";
import { withHost } from "../../host.ts";
import { table, type View } from "../../view.ts";
import type { Context } from "../command.ts";
import { shortId } from "./columns.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

interface Result {
  images: { name: string; version: string; digest: string }[];
}

export async function run(
  context: Context,
  [typed = ""]: string[],
  options: Words["options"],
): Promise<Result> {
  requireOstree(options);
  return withHost(context, async (host) => {
    const { name, image } = await requireImage(host, typed);
    return { images: [{ name, version: versionOf(image.config) ?? "None", digest: image.digest }] };
  });
}

export function view({ images }: Result): View {
  return [
    table(
      [{ title: "IMAGE NAME" }, { title: "VERSION" }, { title: "IMAGE ID" }],
      images.map(({ name, version, digest }) => [name, version, shortId(digest)]),
    ),
  ];
}
