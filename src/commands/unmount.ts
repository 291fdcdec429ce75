import { unmount } from "../deploy/mount.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";

export interface UnmountResult {
  directory: string;
}

export async function run(context: Context, [directory = ""]: string[]): Promise<UnmountResult> {
  return withHost(context, (host) => unmount(host, directory));
}

export function view({ directory }: UnmountResult): View {
  return [line(`${directory} is unmounted`)];
}
