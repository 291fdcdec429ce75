import { findContainer } from "../deploy/containers.ts";
import { requireRunning } from "../deploy/control.ts";
import { withHost } from "../host.ts";
import { type View, verbatim } from "../view.ts";
import type { Context } from "./command.ts";
import type { LogsOptions } from "./options.ts";

export interface LogsResult {
  lines: string[];
}

export async function* run(
  context: Context,
  [name = ""]: string[],
  { lines, follow }: LogsOptions,
): AsyncGenerator<LogsResult> {
  const unit = await withHost(context, async (host) => {
    requireRunning(host, "logs");
    return (await findContainer(host, name)).unit;
  });
  const { lastLines, followLines } = await import("../systemd/journal.ts");
  if (!follow) yield { lines: await lastLines(unit, lines) };
  else for await (const text of followLines(unit, { lines, signal: context.signal })) yield { lines: [text] };
}

export function view({ lines }: LogsResult): View {
  return [verbatim(lines)];
}
