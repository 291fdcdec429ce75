import { setUpdates } from "../deploy/settings.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { AutoUpdateOptions } from "./options.ts";

export interface AutoUpdateResult {
  names: string[];
  autoUpdate: boolean;
  /** Whether the timer that does it is enabled; undefined in a tree that does not run. */
  timer: boolean | undefined;
}

export async function run(
  context: Context,
  names: string[],
  { off }: AutoUpdateOptions,
): Promise<AutoUpdateResult> {
  return withHost(context, async (host) => {
    for (const name of names) await setUpdates(host, name, off ? "no-auto-update" : "auto-update");
    const state = host.offline ? undefined : await (await host.systemd()).fileState("berth-update.timer");
    return { names, autoUpdate: !off, timer: host.offline ? undefined : state === "enabled" };
  });
}

export function view({ names, autoUpdate, timer }: AutoUpdateResult): View {
  const what = autoUpdate ? " is updated by berth-update.timer" : " is updated by hand alone";
  return [
    ...names.map((name) => line({ text: name, tone: "strong" }, what)),
    ...(autoUpdate && timer === false
      ? [line("The timer is not enabled yet: berth check --fix && systemctl enable --now berth-update.timer")]
      : []),
  ];
}
