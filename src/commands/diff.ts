import { type DeploymentDiff, diff } from "../deploy/diff.ts";
import { Failure } from "../errors.ts";
import { withHost } from "../host.ts";
import { fields, line, type View, verbatim } from "../view.ts";
import type { Context } from "./command.ts";

export async function run(context: Context, [name = "", ...numbers]: string[]): Promise<DeploymentDiff> {
  const strange = numbers.find((number) => !/^\d{1,6}$/.test(number));
  if (strange !== undefined)
    throw new Failure("USAGE", `${JSON.stringify(strange)} is no number of a deployment`);
  return withHost(context, (host) => diff(host, name, numbers.map(Number)));
}

export function view({ name, a, b, image, files, values, texts }: DeploymentDiff): View {
  const marked = (mark: string, paths: string[]): string[] => paths.map((path) => `${mark} ${path}`);
  const lines = [...marked("+", files.added), ...marked("-", files.removed), ...marked("~", files.changed)];
  return [
    line({ text: name, tone: "strong" }, `: deployment ${a} to ${b}`),
    fields([
      ["image", image.a === image.b ? undefined : [image.a, image.b]],
      ["values", values],
      [
        "files",
        `${files.added.length} added, ${files.removed.length} removed, ${files.changed.length} changed`,
      ],
    ]),
    ...(lines.length > 0 ? [verbatim(lines)] : []),
    ...texts.map(({ file, removed, added }) =>
      verbatim([...marked("-", removed), ...marked("+", added)], file),
    ),
  ];
}
