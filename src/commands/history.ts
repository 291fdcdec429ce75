import { history, type PastDeployment } from "../deploy/history.ts";
import { type RecordedEvent, recordOf } from "../deploy/record.ts";
import { withHost } from "../host.ts";
import { line, type Text, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { HistoryOptions } from "./options.ts";

export type HistoryResult =
  | { name: string; deployments: PastDeployment[] }
  | { name: string; events: RecordedEvent[] };

export async function run(
  context: Context,
  [name = ""]: string[],
  { events }: HistoryOptions,
): Promise<HistoryResult> {
  return withHost(context, async (host) =>
    events ? { name, events: await recordOf(host, name) } : { name, deployments: await history(host, name) },
  );
}

export function view(result: HistoryResult): View {
  return "events" in result ? viewEvents(result) : viewDeployments(result.deployments);
}

function viewEvents({ name, events }: { name: string; events: readonly RecordedEvent[] }): View {
  if (events.length === 0) return [line(`the journal has nothing on ${name}`)];
  return [
    table(
      [
        { title: "TIME" },
        { title: "CHANGE" },
        { title: "STEP" },
        { title: "DEPLOYMENT", align: "right" },
        { title: "DIGEST" },
        { title: "MESSAGE", elastic: true },
      ],
      events.map((event) => [
        event.at.replace(/\.\d+Z$/, "Z"),
        event.change,
        event.step ?? resultText(event),
        event.deployment?.toString() ?? "",
        { digest: event.digest ?? "" },
        event.result === "failed" ? event.message : "",
      ]),
    ),
  ];
}

function resultText({ result, code }: RecordedEvent): Text {
  if (result === "failed") return { text: code ?? result, tone: "bad" };
  return result === "done" ? { text: result, tone: "good" } : result;
}

function viewDeployments(deployments: readonly PastDeployment[]): View {
  return [
    table(
      [
        { title: "DEPLOYMENT", align: "right" },
        { title: "STANDING" },
        { title: "IMAGE", elastic: true },
        { title: "DIGEST" },
        { title: "MADE" },
        { title: "CURRENT SINCE" },
      ],
      deployments.map((each) => [
        String(each.number),
        standingText(each),
        each.image,
        { digest: each.digest },
        { since: each.created },
        each.activated === "" ? "never" : { since: each.activated },
      ]),
    ),
  ];
}

function standingText({ current, previous, pinned, used, activated }: PastDeployment): string {
  return [
    current && "current",
    previous && "previous",
    activated === "" && "staged",
    pinned && "pinned",
    used && !current && "in use",
  ]
    .filter((word) => word !== false)
    .join(", ");
}
