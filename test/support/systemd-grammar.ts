/**
 * How systemd reads what berth writes, after its C sources (config_parse_exec, extract_first_word, cunescape_one,
 * unit_full_printf, replace_env_argv, parse_env_file_internal). It is the second opinion of the unit tests; the first one is
 * the real systemd, in test/system.
 */

export interface ParsedCommand {
  path: string;
  argv: string[];
}

/** The commands that an ExecStart= value makes. Throws where systemd would refuse the line. */
export function parseExec(value: string): ParsedCommand[] {
  const commands: ParsedCommand[] = [];
  let rest = value;
  while (rest !== "") {
    let first: string;
    [first, rest] = firstWord(rest, { unescape: true });
    const prefix = /^[-@:+!|]*/.exec(first)?.[0] ?? "";
    const path = expandSpecifiers(first.slice(prefix.length));
    const argv = prefix.includes("@") ? [] : [path];
    while (rest !== "" && !/^;(\s|$)/.test(rest)) {
      if (/^\\;(\s|$)/.test(rest)) {
        argv.push(";");
        rest = rest.slice(2).trimStart();
        continue;
      }
      let word: string;
      [word, rest] = firstWord(rest, { unescape: true });
      argv.push(expandSpecifiers(word));
    }
    commands.push({ path, argv: prefix.includes(":") ? argv : argv.flatMap(expandVariables) });
    rest = rest.replace(/^;\s*/, "");
  }
  return commands;
}

/** The words of a list directive such as BindPaths=, split at spaces and colons. */
export function parsePathList(value: string): string[] {
  const words: string[] = [];
  let rest = value;
  while (rest !== "") {
    let word: string;
    [word, rest] = firstWord(rest, { unescape: false, separators: ": \t\n\r" });
    words.push(expandSpecifiers(word));
  }
  return words;
}

/** The `[path, options]` of one TemporaryFileSystem= value: first a word, then split at its colon. */
export function parseTmpfs(value: string): string[] {
  const [word] = firstWord(value, { unescape: false });
  const [path, options] = firstWord(word, { unescape: false, separators: ":", quotes: false });
  return [expandSpecifiers(path), options];
}

interface WordOptions {
  unescape: boolean;
  separators?: string;
  quotes?: boolean;
}

function firstWord(text: string, options: WordOptions): [string, string] {
  const { separators = " \t\n\r", quotes = true } = options;
  const chars = Array.from(text);
  const out: Buffer[] = [];
  let quote = "";
  let at = 0;
  for (; at < chars.length; at += 1) {
    const char = chars[at] ?? "";
    if (char === "\\") {
      const [bytes, length] = afterBackslash(chars.slice(at + 1), options.unescape);
      out.push(bytes);
      at += length;
    } else if (quote !== "" && char === quote) quote = "";
    else if (quote === "" && quotes && (char === '"' || char === "'")) quote = char;
    else if (quote === "" && separators.includes(char)) break;
    else out.push(Buffer.from(char));
  }
  if (quote !== "") throw new Error("unbalanced quoting");
  while (at < chars.length && separators.includes(chars[at] ?? "")) at += 1;
  return [Buffer.concat(out).toString(), chars.slice(at).join("")];
}

// The bytes that a backslash and what follows it mean, and how many characters follow.
function afterBackslash(next: string[], cEscapes: boolean): [Buffer, number] {
  const [char] = next;
  if (char === undefined) throw new Error("trailing backslash");
  if (!cEscapes) return [Buffer.from(char), 1];
  const simple = "abfnrtv\\\"'s".indexOf(char);
  if (simple >= 0) return [Buffer.from("\x07\b\f\n\r\t\v\\\"' "[simple] ?? ""), 1];
  const hex = /^x([0-9a-fA-F]{2})$/.exec(next.slice(0, 3).join(""));
  if (hex !== null && hex[1] !== "00") return [Buffer.from(hex[1] ?? "", "hex"), 3];
  throw new Error(`unknown escape \\${next.slice(0, 3).join("")}`);
}

function expandSpecifiers(text: string): string {
  return text.replaceAll(/%(.?)/gs, (_, letter: string) =>
    letter === "%" || letter === "" ? "%" : `<specifier ${letter}>`,
  );
}

function expandVariables(argument: string): string[] {
  if (/^\$[^${]/.test(argument)) return [`<variable ${argument}>`];
  return [
    argument.replaceAll(/\$\$|\$\{[^}]*\}/g, (match) => (match === "$$" ? "$" : `<variable ${match}>`)),
  ];
}

/** The variables of a file for EnvironmentFile=. */
export function parseEnvironmentFile(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const match = /^([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\[\s\S])*)"\n/.exec(rest);
    if (match === null) throw new Error(`not an assignment: ${JSON.stringify(rest.slice(0, 80))}`);
    const [all, name = "", quoted = ""] = match;
    variables[name] = quoted.replaceAll(/\\([\s\S])/g, (pair, char: string) =>
      '"\\`$'.includes(char) ? char : pair,
    );
    rest = rest.slice(all.length);
  }
  return variables;
}
