/** A file of values for an image's templates: `--values FILE`, JSON or YAML. */
import { readFile } from "node:fs/promises";
import { Failure } from "../errors.ts";

/** @throws Failure USAGE naming the file and what is wrong with it. */
export async function loadValues(path: string): Promise<Record<string, string>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new Failure("USAGE", `--values: cannot read ${path}`, { cause });
  }
  return parseValues(text, path);
}

/** `NAME: VALUE` pairs. A value is taken as it is written: `0755` and `yes` are texts here. Values never show in messages. USAGE. */
export async function parseValues(text: string, path: string): Promise<Record<string, string>> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text, { schema: "failsafe", prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined)
    throw new Failure("USAGE", `--values: ${path} is neither JSON nor YAML (${error.code})`);
  const value: unknown = document.toJS() ?? {};
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Failure("USAGE", `--values: ${path} does not hold pairs of names and values`);
  return Object.fromEntries(
    Object.entries(value).map(([name, item]: [string, unknown]) => {
      if (typeof item === "string") return [name, item];
      throw new Failure("USAGE", `--values: ${path} gives ${JSON.stringify(name)} more than a text`);
    }),
  );
}
