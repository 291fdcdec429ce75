/**
 * How strings of an image go into unit files. systemd has several grammars, so there is one function for each:
 *
 * | directive | grammar | function |
 * |---|---|---|
 * | ExecStart= and the like | words, C escapes, then `%`, then `$` at run time | quoteExec, quoteArg |
 * | Description=, Documentation= | free text, then `%` | quoteValue |
 * | RootDirectory=, WorkingDirectory=, PIDFile=, EnvironmentFile= | the rest of the line is the path, then `%` | quotePathValue |
 * | BindPaths=, ReadWritePaths=, InaccessiblePaths=, RequiresMountsFor= | words without C escapes, `:`, then `%` | quotePath |
 * | TemporaryFileSystem= | the same, but `:` is looked for after the quotes are gone | quoteTmpfs |
 * | the file that EnvironmentFile= names | shell-like, neither `%` nor `$` | quoteEnvironmentFile |
 *
 * Sources: systemd.syntax(7), systemd.service(5) "Command lines", systemd.exec(5), and what config_parse_exec(),
 * extract_first_word(), replace_env_argv() and parse_env_file_internal() do in systemd 252 to 257.
 */
import { Failure } from "../errors.ts";

const PLAIN_WORD = /^[A-Za-z0-9_./,:=@+-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/u;
// What systemd's utf8_is_valid() refuses: it drops a whole line that holds one of these.
const NONCHARACTER =
  /[\ufdd0-\ufdef\ufffe\uffff]|[\ud83f\ud87f\ud8bf\ud8ff\ud93f\ud97f\ud9bf\ud9ff\uda3f\uda7f\udabf\udaff\udb3f\udb7f\udbbf\udbff][\udffe\udfff]/;

/**
 * An Exec line's value from an argument vector: each string arrives at the program as it is.
 * The program is an absolute path. UNIT_INVALID for a path that systemd does not run, and for NUL.
 */
export function quoteExec(argv: readonly string[]): string {
  const [program, ...rest] = argv;
  if (program === undefined) throw new Failure("UNIT_INVALID", "a command line has no program");
  checkProgram(program);
  const words = rest.map(quoteArg);
  // systemd substitutes `$` in argv[0] but not in the path it runs: with a `$`, the two are given apart, by `@`.
  if (program.includes("$")) words.unshift(`@${quoteWord(program)}`, quoteArg(program));
  else words.unshift(quoteWord(program));
  return words.join(" ");
}

/** One argument of an Exec line. UNIT_INVALID for what no unit can hold: NUL, lone surrogates, noncharacters. */
export function quoteArg(text: string): string {
  return quoteWord(text).replaceAll("$", "$$$$");
}

function quoteWord(text: string): string {
  checkRepresentable(text);
  if (PLAIN_WORD.test(text)) return text;
  let quoted = '"';
  for (const char of text) quoted += escapeWordChar(char);
  return `${quoted}"`;
}

function escapeWordChar(char: string): string {
  if (char === "%") return "%%";
  if (char === '"' || char === "\\") return `\\${char}`;
  if (char === "\n") return "\\n";
  if (char === "\t") return "\\t";
  if (!CONTROL.test(char)) return char;
  return Array.from(Buffer.from(char), (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

// The checks of config_parse_exec() on the path of the program.
function checkProgram(program: string): void {
  const refuse = (reason: string): never => {
    throw new Failure("UNIT_INVALID", `systemd cannot run ${JSON.stringify(program)}: ${reason}`);
  };
  if (!program.startsWith("/")) refuse("the program of a command line is an absolute path");
  if (program.endsWith("/")) refuse("the path names a directory");
  if (CONTROL.test(program) || /["'\\]/.test(program)) {
    refuse("the path has quotes, a backslash or control characters");
  }
}

/** A text as people read it (Description=): on one line, without control characters, `%` doubled. Never fails. */
export function quoteValue(text: string): string {
  const line = text
    .toWellFormed()
    .replaceAll(new RegExp(NONCHARACTER, "g"), "\ufffd")
    .replaceAll(new RegExp(`${CONTROL.source}+`, "gu"), " ")
    .trim()
    .replaceAll("%", "%%");
  // An odd number of backslashes at the end would join the next line to this one; nothing can escape it here.
  return endsInContinuation(line) ? line.slice(0, -1).trimEnd() : line;
}

/**
 * One absolute path as a word of a list (BindPaths=, ReadOnlyPaths=, RequiresMountsFor=); a colon is no separator in it.
 * Not for directives whose whole value is a path: quotePathValue. UNIT_INVALID.
 */
export function quotePath(path: string): string {
  checkPath(path);
  const doubled = path.replaceAll("%", "%%");
  if (/^[A-Za-z0-9_./,=@+%-]+$/.test(doubled)) return doubled;
  return `"${doubled.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** `path[:options]` for TemporaryFileSystem=. UNIT_INVALID. */
export function quoteTmpfs(path: string, options?: string): string {
  checkPath(path);
  const escaped = path.replaceAll(/[\\:]/g, "\\$&").replaceAll("%", "%%");
  const inner = options === undefined ? escaped : `${escaped}:${options}`;
  if (/^[A-Za-z0-9_./,:=@+%-]+$/.test(inner)) return inner;
  return `"${inner.replaceAll(/["\\]/g, "\\$&")}"`;
}

/**
 * An absolute path that is the whole value of a directive (RootDirectory=, WorkingDirectory=). `glob`: the directive takes
 * a pattern (EnvironmentFile=), whose special characters are escaped. UNIT_INVALID.
 */
export function quotePathValue(path: string, { glob = false }: { glob?: boolean } = {}): string {
  checkPath(path);
  if (path !== path.trim()) throw invalidPath(path, "it ends in a space");
  const value = (glob ? path.replaceAll(/[*?[\]\\]/g, "\\$&") : path).replaceAll("%", "%%");
  if (endsInContinuation(value)) throw invalidPath(path, "it ends in a backslash");
  return value;
}

function checkPath(path: string): void {
  if (!path.startsWith("/")) throw invalidPath(path, "it is not absolute");
  if (CONTROL.test(path)) throw invalidPath(path, "it has control characters");
  if (path.split("/").includes("..")) throw invalidPath(path, "systemd ignores a path with ..");
  checkRepresentable(path);
}

function invalidPath(path: string, reason: string): Failure {
  return new Failure("UNIT_INVALID", `path ${JSON.stringify(path)} cannot stand in a unit: ${reason}`);
}

/**
 * The text of a file for EnvironmentFile= from `NAME=VALUE` entries. CONFIG_INVALID for a name that systemd would drop
 * (isEnvironmentName), a value with NUL or newline, or text that systemd does not take for UTF-8. Values never show in messages.
 */
export function quoteEnvironmentFile(entries: readonly string[]): string {
  return entries.map(quoteEnvironmentEntry).join("");
}

/** Whether systemd passes on a variable of this name; others it drops, with a line in the journal. */
export function isEnvironmentName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

function quoteEnvironmentEntry(entry: string): string {
  const equals = entry.indexOf("=");
  const name = equals < 0 ? entry : entry.slice(0, equals);
  const refuse = (reason: string): never => {
    throw new Failure("CONFIG_INVALID", `environment variable ${JSON.stringify(name)} ${reason}`);
  };
  if (equals < 0) refuse("has no value: it is written NAME=VALUE");
  if (!isEnvironmentName(name))
    refuse("has a name that systemd does not pass on: letters, digits and _ only");
  const value = entry.slice(equals + 1);
  if (/[\0\n]/.test(value)) refuse("has a NUL or a newline in its value");
  if (!isRepresentable(value)) refuse("has characters in its value that systemd does not take for UTF-8");
  return `${name}="${value.replaceAll(/["\\`$]/g, "\\$&")}"\n`;
}

/** Whether a line that ends in `text` goes on in the next one: an odd number of backslashes at its end. */
export function endsInContinuation(text: string): boolean {
  return (/\\*$/.exec(text)?.[0].length ?? 0) % 2 === 1;
}

/** Whether a unit file can hold `text` at all, escaped or not. */
export function isRepresentable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed() && !NONCHARACTER.test(text);
}

function checkRepresentable(text: string): void {
  if (isRepresentable(text)) return;
  throw new Failure(
    "UNIT_INVALID",
    `${JSON.stringify(text)} cannot stand in a unit: it has NUL or characters that systemd does not take for UTF-8`,
  );
}
