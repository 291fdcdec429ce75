/** From berth's verbs and the table of Atomic's spellings to the verbs of a command line. */
import type { Personality, View } from "../../view.ts";
import type { Context, Handler, OptionSpec, Verb } from "../command.ts";
import { callVerb } from "./call-verb.ts";
import { ownVerbs } from "./own-verbs.ts";
import type { Asked, Manner, Spelling, Words } from "./spelling.ts";
import { spellings } from "./table.ts";

/**
 * As `atomic`, a spelling is in the place of berth's verb of that name. In berth's own personality it is that verb by
 * another name, and a verb of one word takes Atomic's options too.
 */
export function spellVerbs(verbs: readonly Verb[], personality: Personality): readonly Verb[] {
  const spelled = spellings.flatMap((spelling) => {
    const verb = verbs.find(({ name }) => name === spelling.verb);
    return verb === undefined ? [] : [spell(verb, { spelling, personality })];
  });
  const all = [...spelled, ...ownVerbs];
  const taken = new Set(all.flatMap(({ name, aliases = [] }) => [name, ...aliases]));
  const others = verbs.filter(({ name }) => !taken.has(name));
  return [
    ...all,
    ...others.map((verb) => ({ ...verb, aliases: verb.aliases?.filter((name) => !taken.has(name)) ?? [] })),
  ];
}

function spell(
  verb: Verb,
  { spelling, personality }: { spelling: Spelling; personality: Personality },
): Verb {
  const { name, aliases, summary, arguments: operands, options, examples, load, verb: _, ...more } = spelling;
  const atomic = personality === "atomic";
  const own = atomic || name !== verb.name ? options : options.map((option) => ({ ...option, hidden: true }));
  return {
    ...verb,
    name,
    aliases: (atomic ? aliases : name === verb.name ? verb.aliases : undefined) ?? [],
    summary: atomic ? (summary ?? verb.summary) : verb.summary,
    arguments: operands ?? verb.arguments,
    options: [
      ...verb.options.filter(({ flags }) => !own.some((each) => longOf(each) === longOf({ flags }))),
      ...own,
    ],
    examples: atomic ? examples : verb.examples,
    ...(atomic ? more : {}),
    load: async () => withManner(await verb.load(), { manner: await load(), personality }),
  };
}

function longOf({ flags }: Pick<OptionSpec, "flags">): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}

/** The verb's handler, called in Atomic's words; what it gives is told in them only as `atomic`. */
function withManner(
  verb: Handler,
  { manner, personality }: { manner: Manner; personality: Personality },
): Handler {
  let asked: Asked | undefined;
  const run = async (context: Context, args: string[], options: Record<string, unknown>): Promise<object> => {
    asked = { args, options, globals: context.globals };
    const words: Words = (await manner.translate?.({ args, options }, context)) ?? { args, options };
    const atomic = personality === "atomic";
    const result =
      atomic && manner.run !== undefined
        ? await manner.run(context, words, verb, asked)
        : await callVerb(verb, { context, ...words });
    return manner.refine?.(result as never, asked, atomic) ?? result;
  };
  if (personality === "berth") return { ...verb, run, view: (result) => shaped(verb.view(result), asked) };
  const { view, document, exitStatus } = manner;
  const known = (): Asked => {
    if (asked === undefined) throw new Error("there is a view of a command that did not run");
    return asked;
  };
  return {
    ...verb,
    run,
    view: (result) => shaped(view?.(result, known()) ?? verb.view(result), asked),
    ...(document === undefined ? {} : { document: (result: never) => document(result, known()) }),
    ...(exitStatus === undefined ? {} : { exitStatus }),
  };
}

/** Of any table: `--noheading`, `--no-trunc`. */
function shaped(view: View, asked: Asked | undefined): View {
  const { noheading, trunc } = asked?.options ?? {};
  return view.map((block) => {
    if (block.type !== "table") return block;
    const columns =
      trunc === false ? block.columns.map((column) => ({ ...column, elastic: false })) : block.columns;
    return { ...block, columns, ...(noheading === true ? { heading: false as const } : {}) };
  });
}
