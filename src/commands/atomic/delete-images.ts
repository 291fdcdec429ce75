import { Failure } from "../../errors.ts";
import { withHost } from "../../host.ts";
import { digestHex } from "../../oci/digest.ts";
import type { Context, Handler } from "../command.ts";
import { callVerb } from "./call-verb.ts";
import { confirmDelete } from "./confirm.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

/** A start of an id means every name of the images that it fits. */
export async function translate({ args, options }: Words, context: Context): Promise<Words> {
  requireOstree(options);
  if (options["remote"] === true) {
    throw new Failure("USAGE", "--remote is not available here", {
      hint: "`berth delete IMAGE` deletes an image from its registry",
    });
  }
  if (options["all"] === true && args.length > 0)
    throw new Failure("USAGE", "Incompatible options specified.  --all doesn't support an image name");
  if (options["all"] !== true && args.length === 0)
    throw new Failure("USAGE", "Too few arguments.  Please specify the image, or --all");
  const stored = await withHost(context, async (host) => (await host.store()).names());
  if (options["all"] === true) {
    if (stored.length === 0) throw new Failure("IMAGE_UNKNOWN", "there are no images to delete");
    const names = stored.map(({ name }) => name);
    if (context.personality === "berth") await confirmDelete(context, names);
    return { args: names, options };
  }
  const named = args.flatMap((typed) => {
    const isId = /^[0-9a-f]{3,64}$/.test(typed) && !stored.some(({ name }) => name === `${typed}:latest`);
    const found = isId ? stored.filter(({ image }) => digestHex(image.digest).startsWith(typed)) : [];
    return found.length === 0 ? [typed] : found.map(({ name }) => name);
  });
  return { args: [...new Set(named)], options };
}

export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<object> {
  await confirmDelete(context, args);
  return callVerb(verb, { context, args, options });
}
