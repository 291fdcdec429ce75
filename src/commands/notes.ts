import { type Block, line } from "../view.ts";

/** What the admin should know beside the result, a line each. */
export function viewNotes(notes: readonly string[]): Block[] {
  return notes.map((note) => line({ text: "note: ", tone: "warn" }, note));
}
