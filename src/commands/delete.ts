import { type DeletedImage, deleteImage } from "../deploy/registry.ts";
import { Failure } from "../errors.ts";
import { withHost } from "../host.ts";
import { askTerminal } from "../sys/terminal.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { RegistryOptions } from "./options.ts";

export async function run(
  context: Context,
  [image = ""]: string[],
  { authfile, tlsVerify }: RegistryOptions,
): Promise<DeletedImage> {
  const confirm = (what: string): Promise<void> => confirmDeletion(what, context);
  return withHost(context, (host) => deleteImage(host, { image, confirm, authFile: authfile, tlsVerify }));
}

export function view({ reference, digest }: DeletedImage): View {
  return [line({ text: reference, tone: "strong" }, ` is deleted, with every tag of ${digest}`)];
}

/** The registry has no way back, so the digest is said before. */
async function confirmDeletion(what: string, { globals, report, signal }: Context): Promise<void> {
  const consequence = `deletes ${what} from its registry, with every tag of it`;
  if (globals.yes) {
    report({ type: "warning", message: `this ${consequence}` });
    return;
  }
  const answer = await askTerminal({ text: `This ${consequence}. Go on? [y/N] `, signal });
  if (/^y(?:es)?$/i.test(answer?.trim() ?? "")) return;
  throw new Failure("USAGE", `nothing was done: this ${consequence}`, {
    hint: answer === undefined ? "give --yes where nobody can be asked" : undefined,
  });
}
