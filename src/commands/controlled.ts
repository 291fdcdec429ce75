/** start, stop and restart: one handler, three words. */
import { type Controlled, control } from "../deploy/control.ts";
import { withHost } from "../host.ts";
import { line, type View, verbatim } from "../view.ts";
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
      return { containers: await control(host, verb, names) };
    });
}

export function viewControlled({ containers }: ControlResult): View {
  return containers.flatMap(({ name, state, error }) => [
    line({ text: name, tone: "strong" }, " is ", stateText(state)),
    ...(error === undefined ? [] : [verbatim(error.causes, error.message)]),
  ]);
}

export function exitStatusControlled({ containers }: ControlResult): number {
  return containers.some(({ error }) => error !== undefined) ? 1 : 0;
}
