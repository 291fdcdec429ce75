import { type Owned, type Owner, owns } from "../deploy/owns.ts";
import { withHost } from "../host.ts";
import { line, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { NoOptions } from "./options.ts";

export async function run(context: Context, [path = ""]: string[], _options: NoOptions): Promise<Owned> {
  return withHost(context, (host) => owns(host, path));
}

export function view({ path, owners, package: packaged }: Owned): View {
  if (owners.length > 0)
    return [
      table(
        [{ title: "CONTAINER" }, { title: "STATE" }, { title: "WHAT", elastic: true }],
        owners.map((owner) => [
          { text: owner.name, tone: "strong" },
          owner.state === "unchanged" ? owner.state : { text: owner.state, tone: "warn" },
          whatOf(owner),
        ]),
      ),
    ];
  const whose = packaged === undefined ? "" : `: it belongs to the package ${packaged}`;
  return [line(`no container has ${path}${whose}`)];
}

/** 1 when no container has it. */
export function exitStatus({ owners }: Owned): number {
  return owners.length > 0 ? 0 : 1;
}

function whatOf({ kind, made }: Owner): string {
  if (kind === "unit") return "written by berth for the service";
  if (kind === "state") return "the service's data";
  return made ? "a file of its image" : "a file of its image, which was there before, the same";
}
