import { type Adopted, ATOMIC_CHECKOUTS, adopt, confirmAdoptions, undoAdoptions } from "../deploy/adopt.ts";
import { Failure } from "../errors.ts";
import { withHost } from "../host.ts";
import { line, table, type View } from "../view.ts";
import type { Context } from "./command.ts";
import type { AdoptOptions } from "./options.ts";

export interface AdoptResult {
  containers: Adopted[];
}

export async function run(
  context: Context,
  names: string[],
  { from = ATOMIC_CHECKOUTS, dryRun, undo, confirm }: AdoptOptions,
): Promise<AdoptResult> {
  if ([dryRun, undo, confirm].filter(Boolean).length > 1)
    throw new Failure("USAGE", "--dry-run, --undo and --confirm exclude each other");
  return withHost(context, async (host) => {
    if (undo) return { containers: await undoAdoptions(host, names) };
    if (confirm) return { containers: await confirmAdoptions(host, names) };
    return { containers: await adopt(host, { names, from, dryRun }) };
  });
}

export function view({ containers }: AdoptResult): View {
  if (containers.length === 0) return [line("nothing to do")];
  const rows = containers.map(({ name, outcome, image = "", deployments = [], current, reason = "" }) => {
    const kept = deployments.map((number) => (number === current ? `${number} (current)` : String(number)));
    return [{ text: name, tone: "strong" as const }, outcome, image, kept.join(", "), reason];
  });
  const columns = ["NAME", "OUTCOME", "IMAGE", "DEPLOYMENTS", "REASON"].map((title) => ({ title }));
  const isOpen = containers.some(({ outcome }) => outcome === "adopted");
  const next =
    "from their next start on they run from berth's store; then: berth adopt --confirm (or --undo)";
  return [table(columns, rows), ...(isOpen ? [line(next)] : [])];
}

export function exitStatus({ containers }: AdoptResult): number {
  return containers.some(({ outcome }) => outcome === "skipped") ? 1 : 0;
}
