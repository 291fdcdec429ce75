import { history, type PastDeployment } from "../deploy/history.ts";
import { withHost } from "../host.ts";
import { table, type View } from "../view.ts";
import type { Context } from "./command.ts";

export interface HistoryResult {
  name: string;
  deployments: PastDeployment[];
}

export async function run(context: Context, [name = ""]: string[]): Promise<HistoryResult> {
  return withHost(context, async (host) => ({ name, deployments: await history(host, name) }));
}

export function view({ deployments }: HistoryResult): View {
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
