/**
 * Names of units, by systemd.unit(5) and unit_name_is_valid(): ASCII letters, digits and `:-_.\@`, at most 255 bytes with
 * the suffix. berth asks for a little more, since the name is also part of file names and of command lines.
 */

// `NAME.service.d`, `tmpfiles-NAME.conf`, `NAME.12345.old` and temporary names must fit the 255 bytes of a file name.
const LONGEST = 230;

/** Why NAME cannot be the NAME of `NAME.service`, as the end of a sentence; undefined when it can. */
export function unitNameError(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name.length > LONGEST) return `it is longer than ${LONGEST} characters`;
  if (name.includes("\\")) return "it has a backslash, with which systemd escapes";
  if (!/^[A-Za-z0-9:_.@-]+$/.test(name)) return "a unit name has letters, digits and `:-_.@` only";
  if (name.startsWith(".")) return "it starts with a dot";
  if (name.startsWith("-")) return "it starts with a dash, as an option does";
  if (name.startsWith("@")) return "it starts with `@`";
  if (name.endsWith("@")) return "it ends in `@`: that is a template, which cannot be started";
  return undefined;
}

const UNIT_TYPES = new Set(
  "service socket target timer path mount automount swap slice scope device".split(" "),
);

/** Whether `text` is a full unit name with its suffix (`docker.service`, `a@b.socket`), as After= and systemctl take it. */
export function isUnitName(text: string): boolean {
  const dot = text.lastIndexOf(".");
  return (
    dot > 0 &&
    text.length <= 255 &&
    UNIT_TYPES.has(text.slice(dot + 1)) &&
    /^[A-Za-z0-9:_.\\-][A-Za-z0-9:_.\\@-]*$/.test(text.slice(0, dot))
  );
}
