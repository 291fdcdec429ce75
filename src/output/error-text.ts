import { causesOf, isFailure } from "../errors.ts";
import type { Personality } from "../view.ts";
import { escapeJson, escapeLine } from "./escape.ts";

/**
 * An error for people, in lines: `berth: message`, what led to it (causes, nearest first, perhaps the last log lines of a
 * unit) indented, `hint: ...`. As `atomic` the message stands alone, and a mistake in the command line is `atomic: message`. Pure.
 */
export function errorText(
  error: unknown,
  { debug, personality = "berth" }: { debug: boolean; personality?: Personality },
): string {
  const [message = "", ...more] = messageOf(error).split("\n");
  const atomic = personality === "atomic";
  const isUsage = isFailure(error, "USAGE");
  const lines = [
    atomic && !isUsage ? message : `${personality}: ${message}`,
    ...[...more, ...causesOf(error).filter((cause) => cause !== message)].map((text) => `  ${text}`),
  ];
  if (isFailure(error) && error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  if (atomic && isUsage) lines.push("Try 'atomic --help' for more information.");
  if (debug && error instanceof Error) lines.push(...stacksOf(error));
  return lines.map((text) => `${escapeLine(text.trimEnd())}\n`).join("");
}

/** The same as one line of JSON: `{"error":{"code","message","hint","causes"}}`; `hint` is null where there is none. */
export function errorJson(error: unknown): string {
  const { code, hint } = isFailure(error) ? error : { code: "INTERNAL", hint: undefined };
  return escapeJson({
    error: { code, message: messageOf(error), hint: hint ?? null, causes: causesOf(error) },
  });
}

/** An error that is no Failure is a fault of berth or of the system, and says so. */
function messageOf(error: unknown): string {
  if (isFailure(error)) return error.message;
  return `unexpected error: ${error instanceof Error ? error.message : String(error)}`;
}

function stacksOf(error: Error): string[] {
  const stacks: string[] = [];
  for (let at: unknown = error; at instanceof Error && stacks.length < 16; at = at.cause)
    stacks.push(at.stack ?? "");
  return stacks.flatMap((stack) => stack.split("\n"));
}
