/** An order in the text of a unit and its drop-in, changed in place: what else stands there stays. Pure. */
import type { Directive } from "../runtime/runtime.ts";
import { parseUnit } from "../unit/unit-file.ts";

/** The drop-in with the lines of the order `to` in the place of those of `from`. */
export function replaceOrder(
  text: string,
  { from, to }: { from: readonly Directive[]; to: readonly Directive[] },
): string {
  const old = new Set(from.map(lineOf));
  return replaceLines(text, { section: "Unit", isOld: (line) => old.has(line), lines: to.map(lineOf) });
}

/** The unit with this WantedBy= and no other. */
export function replaceWantedBy(text: string, wantedBy: readonly string[]): string {
  return replaceLines(text, {
    section: "Install",
    isOld: (line) => line.startsWith("WantedBy="),
    lines: [`WantedBy=${wantedBy.join(" ")}`],
  });
}

/** `lines` stand where the first old one stood, else at the end of the section. */
function replaceLines(
  text: string,
  { section, isOld, lines }: { section: string; isOld(line: string): boolean; lines: readonly string[] },
): string {
  const before = text.split("\n");
  const start = before.indexOf(`[${section}]`);
  if (start < 0) return `${text.trimEnd()}\n\n[${section}]\n${lines.map((line) => `${line}\n`).join("")}`;
  const next = before.findIndex((line, at) => at > start && line.startsWith("["));
  const body = before.slice(start + 1, next < 0 ? undefined : next);
  const first = body.findIndex(isOld);
  const end = body.findLastIndex((line) => line.trim() !== "") + 1;
  const at = first < 0 ? end : first;
  const changed = [...body.slice(0, at), ...lines, ...body.slice(at).filter((line) => !isOld(line))];
  return [...before.slice(0, start + 1), ...changed, ...(next < 0 ? [] : before.slice(next))].join("\n");
}

function lineOf([key, value]: Directive): string {
  return `${key}=${value}`;
}

/** Whether two units say different things in [Install]. */
export function isInstallChanged(before: string, after: string): boolean {
  const install = (text: string): string =>
    JSON.stringify(parseUnit(text).sections.filter(({ name }) => name === "Install"));
  return install(before) !== install(after);
}
