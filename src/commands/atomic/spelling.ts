/** What Project Atomic's spelling of a verb is: a declaration in the table of table.ts, a manner in a module of its own. */
import type { View } from "../../view.ts";
import type { Context, GlobalOptions, Handler, OptionSpec, Verb } from "../command.ts";

export interface Spelling extends Partial<Pick<Verb, "arguments" | "exitStatuses" | "quietBeatsJson">> {
  /** One word, or two. */
  name: string;
  /** As `atomic`: other words for it. */
  aliases?: readonly string[];
  /** The name of berth's verb that it is. */
  verb: string;
  summary?: string;
  /** Atomic's, beside those of the verb; in place of one of the same name. Where berth's own verb has the same name they are taken and not shown. */
  options: readonly OptionSpec[];
  examples: Verb["examples"];
  load(): Promise<Manner>;
}

/** The words of a command: operands, and options as options.ts has them. */
export interface Words {
  args: string[];
  options: Record<string, unknown>;
}

/** What was asked for, in Atomic's words. */
export interface Asked extends Words {
  globals: GlobalOptions;
}

/** How Atomic's words become those of berth's verb, and what Atomic said and did in another way. */
export interface Manner {
  /** For both personalities: the words that the verb is called with. USAGE for what berth refuses. Default: as they are. */
  translate?(words: Words, context: Context): Words | Promise<Words>;
  /** Of the result, what the options leave. */
  refine?(result: never, asked: Asked, atomic: boolean): object;
  /** As `atomic` alone, as is all that follows. In place of the verb's own `run`; `words` are translated. */
  run?(context: Context, words: Words, verb: Handler, asked: Asked): Promise<object>;
  /** Undefined: the verb's own. */
  view?(result: never, asked: Asked): View | undefined;
  /** What `--json` prints. */
  document?(result: never, asked: Asked): object;
  exitStatus?(result: never): number;
}
