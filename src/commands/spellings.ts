/**
 * Project Atomic's spellings of berth's verbs. Their table is loaded where the words of a command may mean one of them:
 * always as `atomic`, else when a word is one that only Atomic had.
 */
import type { Personality } from "../view.ts";
import type { Verb } from "./command.ts";

/** First words of its verbs, and options of its that berth's own verbs of the same name lack. */
const ATOMIC_WORDS: ReadonlySet<string> = new Set([
  "containers",
  "info",
  "--system",
  "--user",
  "--display",
  "--storage",
  "--system-package",
]);

/** `verbs` with the spellings that `argv` may mean: as `atomic` in place of the verbs of the same name. */
export async function withSpellings(
  verbs: readonly Verb[],
  { argv, personality }: { argv: readonly string[]; personality: Personality },
): Promise<readonly Verb[]> {
  const isMeant =
    personality === "atomic" ||
    argv.some((word, at) => ATOMIC_WORDS.has(word.replace(/=.*$/s, "")) || isTwoWords(word, argv[at + 1]));
  return isMeant ? spelled(verbs, personality) : verbs;
}

/** `images`, which berth has too, and another word. */
function isTwoWords(word: string, next = "-"): boolean {
  return word === "images" && !next.startsWith("-");
}

/** All verbs and all spellings. */
export async function spelled(verbs: readonly Verb[], personality: Personality): Promise<readonly Verb[]> {
  const { spellVerbs } = await import("./atomic/spell.ts");
  return spellVerbs(verbs, personality);
}
