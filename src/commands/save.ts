import { type Saved, save } from "../deploy/save.ts";
import { Failure } from "../errors.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { SaveOptions } from "./options.ts";

export async function run(
  context: Context,
  names: string[],
  { output, authfile, from, tlsVerify }: SaveOptions,
): Promise<Saved> {
  if (output === undefined)
    throw new Failure("USAGE", "where to write the archive?", { hint: "berth save IMAGE... -o FILE" });
  return withHost(context, (host) =>
    save(host, { names, file: output, from, authFile: authfile, tlsVerify }),
  );
}

export function view({ file, images, blobs }: Saved): View {
  return [
    ...images.map(({ name, digest }) => line({ text: name, tone: "strong" }, ` ${digest}`)),
    line(`${blobs.copied} blobs, `, { bytes: blobs.bytes }, `, in ${file}`),
  ];
}
