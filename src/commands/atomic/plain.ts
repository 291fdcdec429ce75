/** Verbs that berth has as Atomic had them: only `--storage` is one more word. */
import { requireOstree } from "./refuse.ts";
import type { Words } from "./spelling.ts";

export function translate(words: Words): Words {
  requireOstree(words.options);
  return words;
}
