/** A change of the order put in force: on the host and in the deployment that it belongs to. */
import { join } from "node:path";
import type { Host } from "../host.ts";
import { writeDurably } from "../sys/durable.ts";
import { type Container, findContainer } from "./containers.ts";
import { reenable } from "./enablement.ts";
import { placeHostFile } from "./host-files.ts";
import { type OrderIntent, removeIntent } from "./journal.ts";

/** Does what an interrupted change of the order had begun. */
export async function finishReorder(host: Host, intent: OrderIntent): Promise<void> {
  await applyOrder(host, await findContainer(host, intent.name), intent);
  await removeIntent(host.layout, intent.name);
}

/** Can be done again at any point. */
export async function applyOrder(
  host: Host,
  { dir, unit, info }: Container,
  { files, reenable: again }: OrderIntent,
): Promise<void> {
  const { config } = host;
  for (const { name, text, mode } of files) {
    await writeDurably(join(dir, name), text, { mode });
    const copy = info.berth.hostFiles.find(({ file }) => file === name);
    if (copy !== undefined) await placeHostFile(join(config.root, copy.path), { text, mode });
  }
  if (again) await reenable(host, unit);
  if (!host.offline) await (await host.systemd()).reload();
}
