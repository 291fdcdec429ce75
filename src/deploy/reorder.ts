/** order: what an installed container starts after, before and with, shown or changed. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../host.ts";
import { applyOrder } from "./apply-order.ts";
import { orderFilesOf, refuseCycle } from "./check-order.ts";
import { type Container, findContainer } from "./containers.ts";
import { imageOf } from "./deployments.ts";
import { isEnabled } from "./enablement.ts";
import { formatInfo } from "./info.ts";
import { type OrderIntent, removeIntent, writeIntent } from "./journal.ts";
import { lockContainer } from "./lock.ts";
import { missingUnitNotes } from "./missing-units.ts";
import { type Order, orderDirectives, orderNotes, wantedByOf } from "./order.ts";
import { replaceOrder, replaceWantedBy } from "./order-files.ts";
import { recorded } from "./record.ts";
import { recover } from "./recover.ts";

export interface OrderRequest extends Order {
  wantedBy: readonly string[];
  /** Forget the present order first. */
  clear: boolean;
}

export interface Ordered {
  name: string;
  order: Order;
  wantedBy: string[];
  changed: boolean;
  /** What the order implies. */
  notes: string[];
}

/** The present order; nothing is changed. */
export async function showOrder(host: Host, name: string): Promise<Ordered> {
  const { order, wantedBy } = (await findContainer(host, name)).info.berth.request;
  return result(host, name, { order, wantedBy, changed: false });
}

/**
 * Adds to the present order, or puts another in its place. What runs goes on; the order counts from the next start on.
 * @throws Failure ORDER_CYCLE, NOT_INSTALLED
 */
export async function reorder(host: Host, name: string, request: OrderRequest): Promise<Ordered> {
  host.requireRoot("change the order of a container");
  await findContainer(host, name);
  const lock = await lockContainer(host, name);
  try {
    await recover(host, name);
    const container = await findContainer(host, name);
    const present = container.info.berth.request;
    const order = merge(present.order, request);
    const wantedBy = request.clear
      ? [...request.wantedBy]
      : [...new Set([...present.wantedBy, ...request.wantedBy])];
    const before = await readTexts(container);
    const after = changedTexts(container, { order, wantedBy, before });
    if (after.every(({ text }, at) => text === before[at]?.text))
      return result(host, name, { order, wantedBy, changed: false });
    await refuseCycle(host, orderFilesOf(container.unit, after), orderFilesOf(container.unit, before));
    await recorded(host, { change: "order", name }, async (recording, begin) => {
      begin({ deployment: container.deployment, digest: imageOf(container.info) });
      await change(recording, container, { before, after });
    });
    return result(host, name, { order, wantedBy, changed: true });
  } finally {
    lock.release();
  }
}

type Texts = OrderIntent["files"];

async function change(
  host: Host,
  container: Container,
  { before, after }: { before: Texts; after: Texts },
): Promise<void> {
  const { name, unit } = container;
  const install = before.find((file) => file.name === unit)?.text;
  const reenable =
    after.find((file) => file.name === unit)?.text !== install && (await isEnabled(host, unit));
  const intent: OrderIntent = { schema: 1, action: "order", name, files: after, reenable };
  await writeIntent(host.layout, intent);
  try {
    await applyOrder(host, container, intent);
  } catch (error) {
    await applyOrder(host, container, { ...intent, files: before });
    await removeIntent(host.layout, name);
    throw error;
  }
  await removeIntent(host.layout, name);
}

function merge(present: Order, request: OrderRequest): Order {
  const list = (key: keyof Order): string[] => [
    ...new Set([...(request.clear ? [] : (present[key] ?? [])), ...request[key]]),
  ];
  return {
    after: list("after"),
    before: list("before"),
    requires: list("requires"),
    wants: list("wants"),
    partOf: list("partOf"),
  };
}

async function readTexts({ dir, unit }: Container): Promise<Texts> {
  const files = [
    { name: unit, mode: 0o644 },
    { name: "10-berth.conf", mode: 0o644 },
    { name: "info", mode: 0o600 },
  ];
  return Promise.all(
    files.map(async ({ name, mode }) => ({ name, mode, text: await readFile(join(dir, name), "utf8") })),
  );
}

function changedTexts(
  { unit, info }: Container,
  { order, wantedBy, before }: { order: Order; wantedBy: string[]; before: Texts },
): Texts {
  const { request } = info.berth;
  const isSameInstall = request.wantedBy.join(" ") === wantedBy.join(" ");
  const directives = { from: orderDirectives(request.order), to: orderDirectives(order) };
  const berth = { ...info.berth, request: { ...request, order, wantedBy } };
  const changed: Record<string, (text: string) => string> = {
    [unit]: (text) => (isSameInstall ? text : replaceWantedBy(text, wantedByOf(wantedBy))),
    "10-berth.conf": (text) => replaceOrder(text, directives),
    info: () => formatInfo({ ...info, berth }),
  };
  return before.map((file) => ({ ...file, text: changed[file.name]?.(file.text) ?? file.text }));
}

async function result(
  host: Host,
  name: string,
  { order, wantedBy, changed }: { order: Order; wantedBy: readonly string[]; changed: boolean },
): Promise<Ordered> {
  const notes = [...orderNotes(name, order), ...(await missingUnitNotes(host, name, order))];
  return { name, order, wantedBy: wantedByOf(wantedBy), changed, notes };
}
