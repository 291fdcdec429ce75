import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The directory that holds berth itself (templates, units, package.json), wherever in it this code was built to. */
export function findHome(): string {
  let directory = import.meta.dirname;
  while (!existsSync(join(directory, "package.json"))) directory = dirname(directory);
  return directory;
}
