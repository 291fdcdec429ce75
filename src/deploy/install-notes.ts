/** What the admin should know of an install beside that it was done. */
import type { Host } from "../host.ts";
import { adminDropIns } from "./drop-ins.ts";
import { findMask } from "./free-name.ts";
import { missingUnitNotes } from "./missing-units.ts";
import { orderNotes } from "./order.ts";
import type { Plan } from "./plan.ts";
import type { InstallRequest } from "./request.ts";

/** A sentence each. */
export async function installNotes(host: Host, plan: Plan, { order }: InstallRequest): Promise<string[]> {
  const { name, unit, enable, rootfs, service } = plan;
  const mask = await findMask(host, unit);
  const dropIns = await adminDropIns(host, unit);
  return [
    ...(rootfs === undefined ? [] : [`The remote rootfs for this container is set to be ${rootfs}`]),
    ...(mask === undefined
      ? []
      : [`${unit} is masked and stays so: systemctl unmask ${unit}, then berth start ${name}`]),
    ...plan.notes,
    ...(enable || !service
      ? []
      : [`${unit} does not start at boot: a preset of this host disables it (systemctl enable ${unit})`]),
    ...(dropIns.length > 0
      ? [`drop-ins that were there already hold over berth's: ${dropIns.join(", ")}`]
      : []),
    ...orderNotes(name, order),
    ...(await missingUnitNotes(host, name, order)),
  ];
}
