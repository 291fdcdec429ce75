/** What an admin should know of the image's files on the host, in the words of the name that berth was called by. Pure. */
import type { FileOutcome } from "../deploy/settle-files.ts";
import type { Personality } from "../view.ts";

/** What an admin should know of a change of what was there before; that a new file came is no news then. */
export function changeNotes(files: readonly FileOutcome[], personality: Personality): string[] {
  return fileNotes(
    files.filter(({ outcome }) => outcome !== "created"),
    personality,
  );
}

/** A line each: Atomic's where Atomic has words for it. */
export function fileNotes(files: readonly FileOutcome[], personality: Personality): string[] {
  return files.flatMap((file) => {
    const text = personality === "atomic" ? atomicNote(file) : note(file);
    return text === undefined ? [] : [text];
  });
}

function atomicNote({ path, type, outcome }: FileOutcome): string | undefined {
  if (outcome === "edited") return `Will not delete ${path} as it was manually modified.`;
  if (outcome === "created") return `Created file ${path}`;
  const isThere = outcome === "skipped" || outcome === "shared";
  return isThere && type !== "directory" ? `File ${path} already exists` : undefined;
}

function note({ path, type, outcome, others }: FileOutcome): string | undefined {
  if (outcome === "skipped")
    return `${path} stays as it is, and is not berth's: the image's file is not put there`;
  if (outcome === "edited") return `${path} was edited: it stays as it is`;
  if (outcome === "deleted" && type !== undefined) return `${path} was removed by hand: it stays away`;
  if (type === "directory") return undefined;
  if (outcome === "created") return `Created file ${path}`;
  if (outcome !== "shared") return undefined;
  return others.length > 0
    ? `${path} is shared with ${others.join(", ")}`
    : `${path} was there already, the same; it is not berth's to remove`;
}
