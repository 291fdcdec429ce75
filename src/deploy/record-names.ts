import { namesIn } from "../sys/if-there.ts";

/** The containers that have a record NAME.json in `directory`, sorted; one that is just being written is none. */
export async function recordNames(directory: string): Promise<string[]> {
  return (await namesIn(directory))
    .filter((file) => file.endsWith(".json") && !file.startsWith("."))
    .map((file) => file.slice(0, -".json".length))
    .sort();
}
