/**
 * Characters that could act on a terminal or mislead the eye: controls (C0, DEL, C1), line and paragraph separators,
 * and the invisible and direction-changing ones.
 */
const ACTING =
  /[\p{Cc}\p{Zl}\p{Zp}\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\p{Cs}]/gu;

/** `text` as one line that is safe on a terminal: what acts is shown as `\n`, `\x1b`, `\u202e`. */
export function escapeText(text: string): string {
  return text.replace(ACTING, escapeCharacter);
}

/** As escapeText, for a line of a file or a log: tabs stay. */
export function escapeLine(text: string): string {
  return text.replace(ACTING, (character) => (character === "\t" ? "\t" : escapeCharacter(character)));
}

/** JSON text whose strings are safe on a terminal too, and are the same strings. `value` is plain data. */
export function escapeJson(value: object, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(ACTING, (character) =>
    character === "\n" ? character : unicodeEscape(character),
  );
}

function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : unicodeEscape(character);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
