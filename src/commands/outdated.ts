import { type Outdated, outdated } from "../deploy/outdated.ts";
import { withHost } from "../host.ts";
import { line, type Text, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { OutdatedOptions } from "./options.ts";

export interface OutdatedResult {
  containers: Outdated[];
}

export async function run(
  context: Context,
  names: string[],
  { all }: OutdatedOptions,
): Promise<OutdatedResult> {
  return withHost(context, async (host) => {
    const found = await outdated(host, names);
    return { containers: all ? found : found.filter(({ state }) => state !== "current") };
  });
}

export function view({ containers }: OutdatedResult): View {
  if (containers.length === 0) return [line("nothing is outdated")];
  return [
    table(
      [
        { title: "NAME" },
        { title: "STATE" },
        { title: "IMAGE", elastic: true },
        { title: "HERE" },
        { title: "THERE" },
        { title: "UPDATES" },
        { title: "REASON", elastic: true },
      ],
      containers.map((each) => [
        { text: each.name, tone: "strong" },
        stateText(each),
        each.image,
        { digest: each.digest },
        { digest: each.newest ?? "" },
        each.held ? "held" : each.autoUpdate ? "automatic" : "by hand",
        each.reason ?? "",
      ]),
    ),
  ];
}

function stateText({ state }: Outdated): Text {
  return state === "current" ? { text: state, tone: "good" } : { text: state, tone: "warn" };
}
