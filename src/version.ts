import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findHome } from "./home.ts";

/** The version of this berth. */
export function readVersion(): string {
  const text = readFileSync(join(findHome(), "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
