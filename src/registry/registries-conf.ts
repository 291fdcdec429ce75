import { Failure } from "../errors.ts";

/** One `[[registry]]` of containers-registries.conf(5), version 2. */
export interface RegistryTable {
  prefix: string;
  /** Takes the place of the prefix; undefined keeps the name. */
  location: string | undefined;
  insecure: boolean;
  blocked: boolean;
  mirrors: readonly Mirror[];
}

/** One `[[registry.mirror]]`: asked before the registry itself. */
export interface Mirror {
  location: string;
  insecure: boolean;
  /** Which references it is asked for; `pull-from-mirror`, or what `mirror-by-digest-only` of its registry means. */
  pull: "all" | "digest-only" | "tag-only";
}

/** What becomes of a short name that several registries may know: `enforcing` refuses to guess. */
export type ShortNameMode = "enforcing" | "permissive" | "disabled";

export interface RegistriesConf {
  search: readonly string[] | undefined;
  helpers: readonly string[] | undefined;
  shortNameMode: ShortNameMode | undefined;
  /** Short name to repository; the empty text stands for an alias that is taken back. */
  aliases: ReadonlyMap<string, string>;
  registries: readonly RegistryTable[];
}

export const EMPTY_REGISTRIES_CONF: RegistriesConf = {
  search: undefined,
  helpers: undefined,
  shortNameMode: undefined,
  aliases: new Map(),
  registries: [],
};

const VERSION_2 = ["registry", "unqualified-search-registries", "aliases", "short-name-mode"];

/** From the parsed TOML of one file; `path` for messages. Unknown keys are other programs' business. CONFIG_INVALID. */
export function parseRegistriesConf(toml: Record<string, unknown>, path: string): RegistriesConf {
  if (toml["registries"] !== undefined) throw version1(toml, path);
  const tables = toml["registry"] ?? [];
  if (!Array.isArray(tables)) throw invalid(path, "registry is not an array of tables, [[registry]]");
  return {
    search: stringsOf(toml["unqualified-search-registries"], { path, key: "unqualified-search-registries" }),
    helpers: stringsOf(toml["credential-helpers"], { path, key: "credential-helpers" }),
    shortNameMode: oneOf(toml["short-name-mode"], {
      path,
      key: "short-name-mode",
      choices: ["enforcing", "permissive", "disabled"],
    }),
    aliases: aliasesOf(toml["aliases"], path),
    registries: tables.map((table) => parseTable(table as Record<string, unknown>, path)),
  };
}

/** `later` over `earlier`: what it says wins, and its tables take the place of those with the same prefix. */
export function mergeRegistriesConf(earlier: RegistriesConf, later: RegistriesConf): RegistriesConf {
  const tables = [...earlier.registries, ...later.registries].map((table) => [table.prefix, table] as const);
  return {
    search: later.search ?? earlier.search,
    helpers: later.helpers ?? earlier.helpers,
    shortNameMode: later.shortNameMode ?? earlier.shortNameMode,
    aliases: new Map([...earlier.aliases, ...later.aliases]),
    registries: [...new Map(tables).values()],
  };
}

function version1(toml: Record<string, unknown>, path: string): Failure {
  const reason = VERSION_2.some((key) => toml[key] !== undefined)
    ? "[registries.*] of the old version 1 format is mixed with version 2"
    : "[registries.*] is the old version 1 format";
  return invalid(path, reason, "Write [[registry]] tables only, as in containers-registries.conf(5).");
}

function parseTable(table: Record<string, unknown>, path: string): RegistryTable {
  const location = locationOf(table["location"], path);
  const prefix = locationOf(table["prefix"], path) ?? location;
  if (prefix === undefined) throw invalid(path, "a [[registry]] has neither prefix nor location");
  const wildcard = prefix.startsWith("*.");
  if (prefix.includes("*") && !(wildcard && /^\*\.[^*/:@]+$/.test(prefix)))
    throw invalid(path, `prefix "${prefix}": a wildcard stands only for subdomains, "*.example.com"`);
  if (location === undefined && !wildcard) throw invalid(path, `prefix "${prefix}" has no location`);
  if (table["pull-from-mirror"] !== undefined)
    throw invalid(path, `prefix "${prefix}": pull-from-mirror belongs into a [[registry.mirror]]`);
  return {
    prefix,
    location,
    insecure: flagOf(table["insecure"], { path, key: "insecure" }),
    blocked: flagOf(table["blocked"], { path, key: "blocked" }),
    mirrors: mirrorsOf(table, { prefix, path }),
  };
}

function mirrorsOf(
  table: Record<string, unknown>,
  { prefix, path }: { prefix: string; path: string },
): Mirror[] {
  const mirrors = table["mirror"] ?? [];
  if (!Array.isArray(mirrors))
    throw invalid(path, `prefix "${prefix}": mirror is not an array of tables, [[registry.mirror]]`);
  const digestOnly = flagOf(table["mirror-by-digest-only"], { path, key: "mirror-by-digest-only" });
  return (mirrors as Record<string, unknown>[]).map((mirror) => {
    const location = locationOf(mirror["location"], path);
    if (location === undefined) throw invalid(path, `prefix "${prefix}": a mirror has no location`);
    const choices = ["all", "digest-only", "tag-only"] as const;
    const pull = oneOf(mirror["pull-from-mirror"], { path, key: "pull-from-mirror", choices });
    if (pull !== undefined && digestOnly)
      throw invalid(
        path,
        `prefix "${prefix}": mirror-by-digest-only and the pull-from-mirror of "${location}" exclude each other`,
      );
    const insecure = flagOf(mirror["insecure"], { path, key: "insecure" });
    return { location, insecure, pull: digestOnly ? "digest-only" : (pull ?? "all") };
  });
}

function aliasesOf(value: unknown, path: string): Map<string, string> {
  if (value === undefined) return new Map();
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(path, "aliases is not a table, [aliases]");
  return new Map(
    Object.entries(value).map(([name, target]: [string, unknown]): [string, string] => {
      if (typeof target !== "string") throw invalid(path, `the alias "${name}" is not a string`);
      return [name, target];
    }),
  );
}

function locationOf(value: unknown, path: string): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw invalid(path, "prefix and location are strings");
  if (value.includes("://")) throw invalid(path, `"${value}" is a URL; write host/path without a scheme`);
  return value.replace(/\/+$/, "");
}

function flagOf(value: unknown, { path, key }: { path: string; key: string }): boolean {
  if (value === undefined) return false;
  if (typeof value !== "boolean") throw invalid(path, `${key} is not true or false`);
  return value;
}

function oneOf<T extends string>(
  value: unknown,
  { path, key, choices }: { path: string; key: string; choices: readonly T[] },
): T | undefined {
  if (value === undefined || value === "") return undefined;
  const choice = choices.find((known) => known === value);
  if (choice === undefined) throw invalid(path, `${key} is not one of ${choices.join(", ")}`);
  return choice;
}

function stringsOf(value: unknown, { path, key }: { path: string; key: string }): string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
    throw invalid(path, `${key} is not an array of strings`);
  return value;
}

function invalid(path: string, reason: string, hint?: string): Failure {
  return new Failure("CONFIG_INVALID", `${path}: ${reason}`, { hint });
}
