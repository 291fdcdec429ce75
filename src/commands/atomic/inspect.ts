import type { DescribedExports } from "../../deploy/describe-exports.ts";
import { Failure } from "../../errors.ts";
import { line, type View } from "../../view.ts";
import type { Context, Handler } from "../command.ts";
import { callVerb } from "./call-verb.ts";
import { readImageName } from "./image-name.ts";
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

interface Named {
  kind: string;
  name?: string;
  image?: { name: string };
  config?: { config: { labels: Record<string, string> } };
  exports?: DescribedExports;
}

export function translate(words: Words): Words {
  requireOstree(words.options);
  if (words.options["remote"] === true && words.options["storage"] === "ostree")
    throw new Failure("USAGE", "--remote is not available together with --storage ostree", {
      hint: "leave --storage out",
    });
  return words;
}

export async function run(context: Context, { args, options }: Words, verb: Handler): Promise<object> {
  const { image, as, tlsVerify } = await readImageName(args[0] ?? "");
  const asked = tlsVerify === undefined ? options : { ...options, tlsVerify };
  return callVerb(verb, { context, args: [as ?? image], options: asked });
}

/** Undefined for what Atomic did not show. */
export function view(result: Named): View | undefined {
  if (result.config === undefined || (result.kind !== "image" && result.kind !== "remote")) return undefined;
  const labels = Object.entries(result.config.config.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    line(`Image Name: ${result.image?.name ?? result.name}`),
    ...labels.map(([name, value]) => line(`${name}: ${value}`)),
    ...viewVariables(result.exports?.variables ?? []),
  ];
}

function viewVariables(variables: DescribedExports["variables"]): View {
  const values = { image: undefined, host: "{SET_BY_OS}", none: "{DEF_VALUE}" };
  const lines = (wanted: typeof variables): View =>
    wanted.map(({ name, from, default: value = "" }) => line(`${name}: ${values[from] ?? value}`));
  const [unset, known] = [
    variables.filter(({ from }) => from === "none"),
    variables.filter(({ from }) => from !== "none"),
  ];
  return [
    ...(known.length === 0
      ? []
      : [line("Template variables with default value, but overridable with --set:"), ...lines(known)]),
    ...(unset.length === 0
      ? []
      : [line("Template variables that has no default value, and must be set with --set:"), ...lines(unset)]),
  ];
}
