/**
 * The record of changes: each goes into the journal as it happens, step by step, in fields that programs can match. Nothing
 * secret is in them: no values, no environment, no log lines of the service.
 *
 *   MESSAGE_ID           one for each kind of change, below
 *   BERTH_CHANGE         install, uninstall, update, rollback, recover, order, pin, unpin, hold, unhold, auto-update, no-auto-update
 *   BERTH_NAME           the container
 *   BERTH_STEP           what it does now; absent in the entries that say how it began and ended
 *   BERTH_RESULT         begun, done or failed
 *   BERTH_CODE           of a failure: its code
 *   BERTH_DEPLOYMENT     the deployment that is, or would be, current in the end
 *   BERTH_IMAGE_DIGEST   its image
 */
import { Failure, isFailure } from "../errors.ts";
import type { Change, Event } from "../events.ts";
import type { Host } from "../host.ts";

/** Stable: journalctl MESSAGE_ID=... finds all changes of a kind. */
const MESSAGE_IDS: Record<Change, string> = {
  install: "13ebbdeab7dd48c5b2f6ef6c192fc541",
  uninstall: "02cb21a484d94eb8a38722b2c3e92f4a",
  update: "f2fe521fce8642c7a6c8d889edf13722",
  rollback: "8e58e81bd16c4f879cc3f9d2393516d2",
  recover: "33d4ade2747f4f44b7b10cb5c4af8c26",
  order: "9eaccd2e459f4934a71159e3233d1828",
  pin: "aac32fe6cf7d4431bc9993002475a134",
  unpin: "c7badb3d1d524b72a5a599e389068e7b",
  hold: "6d7d2f77f63d4b498fb816318ddf5431",
  unhold: "2a34660652c243f3b0e7ec2350b2e0ae",
  "auto-update": "2a79729c0e3d4ce0a3abf89ca2fb6f9a",
  "no-auto-update": "16bfb1f6bd014ad19aa5e72a40955c2e",
};

/** What is known of the deployment that a change leads to. */
export interface Target {
  deployment?: number;
  digest?: string;
}

export interface RecordedEvent {
  /** ISO 8601, UTC. */
  at: string;
  change: Change;
  /** Undefined for the entries that say how the change began and ended. */
  step: string | undefined;
  result: "begun" | "done" | "failed";
  code: string | undefined;
  deployment: number | undefined;
  digest: string | undefined;
  message: string;
}

/** Steps of a change that are worth a line each; what a step of a pull does is progress, no record. */
const UNRECORDED = new Set(["pull"]);

/**
 * Makes a change that goes on record. It has begun when `use` says where it leads; a change that finds nothing to do never
 * says so and leaves no record, but a failure always does.
 */
export async function recorded<T>(
  host: Host,
  { change, name }: { change: Change; name: string },
  use: (host: Host, begin: (target: Target) => void) => Promise<T>,
): Promise<T> {
  const { writeEntry } = await import("../systemd/journal-entry.ts");
  let target: Target | undefined;
  const write = (entry: Omit<Entry, "change" | "name" | "target">): void => {
    if (!host.offline) writeEntry(fieldsOf({ change, name, target, ...entry }));
  };
  const say = (more: Omit<Extract<Event, { type: "change" }>, "type" | "change" | "name">): void => {
    host.report({ type: "change", change, name, ...target, ...more });
  };
  const report = (event: Event): void => {
    host.report(event);
    if (event.type !== "step" || target === undefined || UNRECORDED.has(event.step)) return;
    write({ step: event.step, result: "begun" });
  };
  const begin = (to: Target): void => {
    target = to;
    say({ result: "begun" });
    write({ result: "begun" });
  };
  try {
    const result = await use(host.reportingTo(report), begin);
    if (target !== undefined) {
      say({ result: "done" });
      write({ result: "done" });
    }
    return result;
  } catch (error) {
    const code = isFailure(error) ? error.code : "INTERNAL";
    say({ result: "failed", code });
    write({ result: "failed", code, reason: reasonOf(error) });
    throw error;
  }
}

/** The changes of a container on record, oldest first, also of one that is gone. */
export async function recordOf(host: Host, name: string): Promise<RecordedEvent[]> {
  if (host.offline)
    throw new Failure("USAGE", "events are in the journal of a running system; --root names a tree");
  const { readEntries } = await import("../systemd/journal-entry.ts");
  const ids = Object.values(MESSAGE_IDS).map((id) => `MESSAGE_ID=${id}`);
  const matches = [`BERTH_NAME=${name}`, "_UID=0", ...ids];
  const entries = await readEntries(matches, { limit: 1000, signal: host.signal });
  return entries.map((entry) => ({
    at: new Date(Number(entry["__REALTIME_TIMESTAMP"] ?? 0) / 1000).toISOString(),
    change: entry["BERTH_CHANGE"] as Change,
    step: entry["BERTH_STEP"],
    result: entry["BERTH_RESULT"] as RecordedEvent["result"],
    code: entry["BERTH_CODE"],
    deployment: entry["BERTH_DEPLOYMENT"] === undefined ? undefined : Number(entry["BERTH_DEPLOYMENT"]),
    digest: entry["BERTH_IMAGE_DIGEST"],
    message: entry["MESSAGE"] ?? "",
  }));
}

interface Entry {
  change: Change;
  name: string;
  target: Target | undefined;
  step?: string;
  result: RecordedEvent["result"];
  code?: string;
  reason?: string;
}

/** syslog(3) */
const [ERROR, NOTICE, INFO] = ["3", "5", "6"];

function fieldsOf({
  change,
  name,
  target,
  step,
  result,
  code,
  reason,
}: Entry): Record<string, string | undefined> {
  const what = step ?? (reason === undefined ? result : `${result}: ${reason}`);
  return {
    MESSAGE: `${change} of ${name}: ${what}`,
    MESSAGE_ID: MESSAGE_IDS[change],
    PRIORITY: result === "failed" ? ERROR : step === undefined ? NOTICE : INFO,
    SYSLOG_IDENTIFIER: "berth",
    BERTH_CHANGE: change,
    BERTH_NAME: name,
    BERTH_STEP: step,
    BERTH_RESULT: result,
    BERTH_CODE: code,
    BERTH_DEPLOYMENT: target?.deployment?.toString(),
    BERTH_IMAGE_DIGEST: target?.digest,
  };
}

/** The first line says what failed; what the service logged is in its own log. */
function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}
