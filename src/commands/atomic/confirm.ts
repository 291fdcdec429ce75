import { Failure } from "../../errors.ts";
import { askTerminal, readInputLine } from "../../sys/terminal.ts";
import type { Context } from "../command.ts";

/** Asks before `names` are deleted. REQUIRED unless the answer is yes; `echo y |` is an answer too, as it was for Atomic. */
export async function confirmDelete({ globals, signal }: Context, names: readonly string[]): Promise<void> {
  if (globals.yes) return;
  const text = "Confirm (y/N) ";
  const isPiped = process.stdin.isTTY !== true;
  const answer = isPiped
    ? await readInputLine({ limit: 1024 })
    : await askTerminal({ text: `Delete ${names.join(", ")}?\n${text}`, signal });
  if (/^y(?:es)?$/i.test(answer?.trim() ?? "")) return;
  throw new Failure("REQUIRED", `User aborted delete operation for ${names.join(", ")}`, {
    hint: "give -y where nobody can be asked",
  });
}
