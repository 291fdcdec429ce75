import { type Synced, sync } from "../deploy/sync.ts";
import { withHost } from "../host.ts";
import { line, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { SyncOptions } from "./options.ts";

export async function run(
  context: Context,
  [repository = "", to = ""]: string[],
  { tag, dryRun, authfile, tlsVerify }: SyncOptions,
): Promise<Synced> {
  return withHost(context, (host) =>
    sync(host, { repository, to, tags: tag, dryRun, authFile: authfile, tlsVerify }),
  );
}

export function view({ images, failed }: Synced): View {
  return [
    table(
      [{ title: "TAG" }, { title: "DIGEST" }, { title: "STATE" }],
      images.map(({ tag, digest, state }) => [{ text: tag, tone: "strong" }, { digest }, state]),
    ),
    ...failed.map(({ tag, message }) => line({ text: `${tag}: ${message}`, tone: "bad" })),
  ];
}

/** 1 when an image could not be copied. */
export function exitStatus({ failed }: Synced): number {
  return failed.length === 0 ? 0 : 1;
}
