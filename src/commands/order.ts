import { type Ordered, reorder, showOrder } from "../deploy/reorder.ts";
import { withHost } from "../host.ts";
import { fields, line, type View } from "../view.ts";
import type { Context } from "./command.ts";
import { viewNotes } from "./notes.ts";
import type { OrderOptions } from "./options.ts";

export async function run(context: Context, [name = ""]: string[], options: OrderOptions): Promise<Ordered> {
  const { after, before, requires, wants, partOf, wantedBy, clear } = options;
  const asked = [after, before, requires, wants, partOf, wantedBy].some((units) => units.length > 0);
  return withHost(context, (host) => (asked || clear ? reorder(host, name, options) : showOrder(host, name)));
}

export function view({ name, order, wantedBy, changed, notes }: Ordered): View {
  return [
    line({ text: name, tone: "strong" }, changed ? " is ordered; it counts from the next start on" : ""),
    fields([
      ["after", order.after.join(" ")],
      ["before", order.before.join(" ")],
      ["requires", order.requires.join(" ")],
      ["wants", order.wants.join(" ")],
      ["part of", order.partOf.join(" ")],
      ["wanted by", wantedBy.join(" ")],
    ]),
    ...viewNotes(notes),
  ];
}
