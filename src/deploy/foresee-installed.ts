/** What a plan's files for the host would find there. */
import type { Host } from "../host.ts";
import { formatInfo, type Info } from "./info.ts";
import { locate } from "./observe-files.ts";
import type { Plan } from "./plan.ts";
import { installedRecord } from "./plan-installed.ts";
import type { InstallRequest } from "./request.ts";
import { foreseeFiles } from "./settle-files.ts";

/**
 * The plan with what would become of them; what stays as it is and is not berth's is not on its record.
 * @throws Failure HOST_FILE_CONFLICT
 */
export async function foreseeInstalled(
  host: Host,
  plan: Plan,
  { keepHostFiles = false }: Pick<InstallRequest, "keepHostFiles">,
): Promise<Plan> {
  const { name, installed } = plan;
  const conflicts = keepHostFiles ? "keep" : "refuse";
  const foreseen = await foreseeFiles(host, { name, files: installed, conflicts });
  const skipped = new Set(foreseen.filter(({ outcome }) => outcome === "skipped").map(({ path }) => path));
  if (skipped.size === 0) return { ...plan, foreseen };
  const own = installed.filter(({ path }) => !skipped.has(locate(host.config.root, path)));
  const files = plan.files.map((file) => {
    if (file.name !== "info") return file;
    return { ...file, text: formatInfo({ ...(JSON.parse(file.text) as Info), ...installedRecord(own) }) };
  });
  return { ...plan, files, foreseen };
}
