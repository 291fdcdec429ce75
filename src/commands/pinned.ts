/** pin and unpin: one handler, two words. */
import { pin } from "../deploy/history.ts";
import { Failure } from "../errors.ts";
import { withHost } from "../host.ts";
import { line, type View } from "../view.ts";
import type { Context } from "./command.ts";

export interface PinResult {
  name: string;
  deployment: number;
  pinned: boolean;
}

export function pinWith(pinned: boolean): (context: Context, args: string[]) => Promise<PinResult> {
  return async (context, [name = "", number]) => {
    if (number !== undefined && !/^\d{1,6}$/.test(number)) {
      throw new Failure("USAGE", `${JSON.stringify(number)} is no number of a deployment`);
    }
    const chosen = number === undefined ? undefined : Number(number);
    const deployment = await withHost(context, (host) => pin(host, name, { number: chosen, pinned }));
    return { name, deployment, pinned };
  };
}

export function viewPinned({ name, deployment, pinned }: PinResult): View {
  return [
    line(
      { text: name, tone: "strong" },
      `: deployment ${deployment} is ${pinned ? "pinned" : "no longer pinned"}`,
    ),
  ];
}
