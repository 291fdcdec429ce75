/** start, stop and restart: one handler, three words. */
import { type Controlled, control } from "../deploy/control.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import { stateText } from "./list.ts";

export interface ControlResult {
  containers: Controlled[];
}

/** The `run` of a verb that asks systemd for a job on each named container. */
export function controlWith(
  verb: "start" | "stop" | "restart",
): (context: Context, names: string[]) => Promise<ControlResult> {
  return (context, names) =>
    withHost(context, async (host) => {
      const containers: Controlled[] = [];
      for (const name of names) containers.push(await control(host, verb, name));
      return { containers };
    });
}

export function viewControlled({ containers }: ControlResult): View {
  return containers.map(({ name, state }) => line({ text: name, tone: "strong" }, " is ", stateText(state)));
}
