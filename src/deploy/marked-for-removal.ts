/** What the tmpfiles.d(5) lines of a deployment mark for removal (`D`, `r`, `R`), and what of it must stay. */
import type { Host } from "../host.ts";
import type { Info } from "./info.ts";

/** What specifiers mean on every host. */
const SPECIFIERS: Record<string, string> = {
  "%t": "/run",
  "%S": "/var/lib",
  "%C": "/var/cache",
  "%L": "/var/log",
};

/** Paths, perhaps patterns, of the lines that `systemd-tmpfiles --remove` acts on; those for the boot alone are not. Pure. */
export function markedPaths(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const [, type = "", quoted, plain] = /^\s*([DrR]\S*)\s+(?:"([^"]*)"|(\S+))/.exec(line) ?? [];
    if (type === "" || type.includes("!")) return [];
    const path = (quoted ?? plain ?? "").replace(
      /%[tSCL]/g,
      (specifier) => SPECIFIERS[specifier] ?? specifier,
    );
    return [path.replace(/^\/var\/run(?=\/|$)/, "/run")];
  });
}

/**
 * Prefixes to leave out, so that a `D` line cannot take data: what is protected, and each marked path that something protected
 * lies below or that a pattern may make so. Pure.
 */
export function excludedPrefixes(marked: readonly string[], protectedPaths: readonly string[]): string[] {
  const above = marked.filter((path) => {
    const literal = path.replace(/[*?[].*$/s, "");
    const isPattern = literal !== path;
    return protectedPaths.some((each) => (isPattern ? each.startsWith(literal) : isBelow(each, path)));
  });
  return [...new Set([...protectedPaths, ...above])];
}

/** Data and configuration of the host, the container's state, and what it has mounted. */
export function protectedPaths({ config }: Host, { berth }: Info): string[] {
  const volumes = berth.request.volumes.map(({ source }) => source);
  return [...new Set(["/var/lib", "/etc", config.state, ...berth.state, ...berth.sources, ...volumes])];
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith("/") ? directory : `${directory}/`);
}
