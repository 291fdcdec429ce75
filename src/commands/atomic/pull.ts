import { Failure } from "../../errors.ts";
import type { Context, Handler } from "../command.ts";
import { callVerb } from "./call-verb.ts";
import { readImageName } from "./image-name.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

export function translate(words: Words): Words {
  const { srcCreds, type } = words.options;
  requireOstree(words.options);
  if (srcCreds !== undefined) {
    throw new Failure(
      "USAGE",
      "--src-creds is not available: others can read what stands on a command line",
      {
        hint: "log in once with `berth login REGISTRY`, or name a file with --authfile",
      },
    );
  }
  if (type !== undefined && type !== "atomic")
    throw new Failure("USAGE", `--type ${String(type)} is not available: an image comes from a registry`);
  return words;
}

export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<object> {
  const { image, as, tlsVerify } = await readImageName(args[0] ?? "");
  const asked = {
    ...options,
    ...(as === undefined || options["as"] !== undefined ? {} : { as }),
    ...(tlsVerify === undefined ? {} : { tlsVerify }),
  };
  return callVerb(verb, { context, args: [image], options: asked });
}
