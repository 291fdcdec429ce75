import { type PruneResult, prune } from "../deploy/prune.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { PruneOptions } from "./options.ts";
import { parseDuration } from "./quantity.ts";

export async function run(
  context: Context,
  _args: string[],
  { dryRun, grace }: PruneOptions,
): Promise<PruneResult> {
  const graceMs = grace === undefined ? undefined : parseDuration(grace) * 1000;
  return withHost(context, (host) => prune(host, { dryRun, graceMs }));
}

export function view({ dryRun, images, layers, objects, bytes }: PruneResult): View {
  const words = `${counted(images, "image")}, ${counted(layers, "layer")} and ${counted(objects, "object")}`;
  return [
    dryRun
      ? line(`${words} would be dropped from the store, `, { bytes }, " freed")
      : line(`${words} dropped from the store, `, { bytes }, " freed"),
  ];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
