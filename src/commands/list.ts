import { type ListedContainer, list } from "../deploy/list.ts";
import { withHost } from "../host.ts";
import { line, type Text, table, type View } from "../view.ts";
import type { Context } from "./command.ts";

export interface ListResult {
  containers: ListedContainer[];
}

export async function run(context: Context): Promise<ListResult> {
  return withHost(context, async (host) => ({ containers: await list(host) }));
}

export function view({ containers }: ListResult): View {
  if (containers.length === 0) return [line("nothing is installed")];
  return [
    table(
      [
        { title: "NAME" },
        { title: "STATE" },
        { title: "IMAGE", elastic: true },
        { title: "DIGEST" },
        { title: "RUNTIME" },
        { title: "INSTALLED" },
      ],
      containers.map(({ name, state, image, digest, runtime, created }) => [
        { text: name, tone: "strong" },
        stateText(state),
        image,
        { digest },
        runtime,
        { since: created },
      ]),
    ),
  ];
}

/** A state as systemctl colours it. */
export function stateText(state: string): Text {
  if (state === "active") return { text: state, tone: "good" };
  return ["failed", "broken", "interrupted"].includes(state) ? { text: state, tone: "bad" } : state;
}
