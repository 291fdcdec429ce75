/** What an error reply of systemd means to a user. */

import type { Code } from "../errors.ts";
import { Failure, type FailureDetails } from "../errors.ts";
import { BusError } from "./bus.ts";

/** The Failure for what went wrong while systemd was asked to `what` (`start etcd.service`); other errors as they are. */
export function failureOf(error: unknown, what: string): unknown {
  if (!(error instanceof BusError)) return error;
  const [code, reason, hint] = explain(error);
  const details: FailureDetails = { cause: error, hint };
  return new Failure(code, `systemd cannot ${what}: ${reason}`, details);
}

/** What `ask` gives; undefined when systemd answers with the one error `org.freedesktop.*.NAME`. */
export async function unless<T>(name: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    const reply = error instanceof Failure ? error.cause : error;
    if (reply instanceof BusError && reply.errorName.endsWith(`.${name}`)) return undefined;
    throw error;
  }
}

function explain({ errorName, message }: BusError): [code: Code, reason: string, hint?: string] {
  const name = errorName.replace(/^org\.freedesktop\.(systemd1|DBus\.Error)\./, "");
  switch (name) {
    case "NoSuchUnit":
      return [
        "JOB_FAILED",
        "it knows no such unit",
        "a new unit file is seen after `systemctl daemon-reload`",
      ];
    case "UnitMasked":
      return ["JOB_FAILED", "the unit is masked", "unmask it with `systemctl unmask`"];
    case "FileNotFound":
      return ["JOB_FAILED", "there is no such unit file"];
    case "LoadFailed":
    case "BadUnitSetting":
      return ["UNIT_INVALID", message];
    case "TransactionOrderIsCyclic":
      return ["ORDER_CYCLE", message];
    case "AccessDenied":
    case "InteractiveAuthorizationRequired":
      return ["NOT_ROOT", message, "run it as root"];
    case "ServiceUnknown":
    case "NameHasNoOwner":
    case "NoReply":
    case "Disconnected":
      return ["NO_SYSTEMD", message];
    default:
      return ["JOB_FAILED", `${message} (${errorName})`];
  }
}
