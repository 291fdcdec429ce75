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
  switch (outcome) {
    case "skipped":
    case "shared":
      return type === "directory" ? undefined : `File ${path} already exists`;
    case "edited":
      return `Will not delete ${path} as it was manually modified.`;
    case "created":
      return `Created file ${path}`;
    default:
      return undefined;
  }
}

function note({ path, type, outcome, others }: FileOutcome): string | undefined {
  switch (outcome) {
    case "created":
      return type === "directory" ? undefined : `Created file ${path}`;
    case "skipped":
      return `${path} stays as it is, and is not berth's: the image's file is not put there`;
    case "shared":
      if (type === "directory") return undefined;
      return others.length > 0
        ? `${path} is shared with ${others.join(", ")}`
        : `${path} was there already, the same; it is not berth's to remove`;
    case "edited":
      return `${path} was edited: it stays as it is`;
    case "deleted":
      return type === undefined ? undefined : `${path} was removed by hand: it stays away`;
    default:
      return undefined;
  }
}
