/** Runs inside a machine: asks systemd's own check for the circle that a unit between third.service and first.service would close. */
import { verifyOrder } from "../../../src/systemd/verify-order.ts";

/** What it prints as JSON: the circle, closed. */
export type FoundCycle = string[] | null;

const files = new Map([
  ["bad.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"],
  ["bad.service.d/10-berth.conf", "[Unit]\nAfter=third.service\nBefore=first.service\n"],
]);
const cycle = await verifyOrder("bad.service", { files, wantedBy: ["multi-user.target"] });
process.stdout.write(JSON.stringify((cycle ?? null) satisfies FoundCycle));
