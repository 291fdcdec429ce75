/** One challenge of a WWW-Authenticate header (RFC 9110, 11.6.1): scheme and parameter names in lower case. */
export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;

/**
 * All challenges, in order, of all WWW-Authenticate headers of an answer. A header may hold several, separated by the same
 * commas that separate parameters; values may be quoted. Reading a header stops where it makes no sense.
 */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap(parseHeader);
}

function parseHeader(text: string): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  const skip = (characters: string): void => {
    while (at < text.length && characters.includes(text[at] ?? "")) at++;
  };
  const token = (): string | undefined => {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text)?.[0];
    at += match?.length ?? 0;
    return match;
  };
  for (skip(" \t,"); at < text.length; skip(" \t,")) {
    const name = token();
    if (name === undefined) break;
    skip(" \t");
    const current = challenges.at(-1);
    if (text[at] !== "=" || current === undefined) {
      challenges.push({ scheme: name.toLowerCase(), parameters: emptyParameters() });
      continue;
    }
    at++;
    skip(" \t");
    const quoted = text[at] === '"' ? readQuoted(text, at) : undefined;
    if (quoted !== undefined) at = quoted.end;
    const value = quoted?.value ?? token();
    if (value === undefined) break;
    current.parameters[name.toLowerCase()] ??= value;
  }
  return challenges;
}

function readQuoted(text: string, start: number): { value: string; end: number } {
  let value = "";
  let at = start + 1;
  for (; at < text.length && text[at] !== '"'; at++) {
    if (text[at] === "\\") at++;
    value += text[at] ?? "";
  }
  return { value, end: at + 1 };
}

function emptyParameters(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}
