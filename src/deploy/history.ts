/** history, pin, unpin: the deployments of a container. */
import type { Host } from "../host.ts";
import { findContainer } from "./containers.ts";
import { imageOf } from "./deployments.ts";
import { readInfo } from "./info.ts";
import { lockContainer } from "./lock.ts";
import { recorded } from "./record.ts";
import { isPinned, requireDeployment, type Standing, setPinned, standingsOf } from "./standings.ts";

export interface PastDeployment extends Standing {
  image: string;
  digest: string;
  runtime: string;
  /** When it was made: ISO 8601, UTC. */
  created: string;
}

/** Newest activation first; what was staged and not yet used comes before all. */
export async function history(host: Host, name: string): Promise<PastDeployment[]> {
  await findContainer(host, name);
  const standings = await standingsOf(host.layout, name);
  const past = await Promise.all(
    standings.map(async (standing) => {
      const info = await readInfo(host.layout.deployment(name, standing.number));
      return {
        ...standing,
        image: info.image,
        digest: imageOf(info),
        runtime: info.runtime,
        created: new Date(info.created * 1000).toISOString(),
      };
    }),
  );
  const rank = ({ activated }: PastDeployment): string => (activated === "" ? "~" : activated);
  return past.sort((a, b) => (rank(a) < rank(b) ? 1 : -1));
}

/** Keeps a deployment, by default the current one, whatever `keep` says; or no longer. Returns its number. */
export async function pin(
  host: Host,
  name: string,
  { number, pinned }: { number?: number | undefined; pinned: boolean },
): Promise<number> {
  host.requireRoot("pin a deployment");
  const { deployment } = await findContainer(host, name);
  const lock = await lockContainer(host, name);
  try {
    const chosen = number === undefined ? deployment : await requireDeployment(host.layout, name, number);
    if ((await isPinned(host.layout, name, chosen)) === pinned) return chosen;
    const digest = imageOf(await readInfo(host.layout.deployment(name, chosen)));
    await recorded(host, { change: pinned ? "pin" : "unpin", name }, async ({ layout }, begin) => {
      begin({ deployment: chosen, digest });
      await setPinned(layout, name, { number: chosen, pinned });
    });
    return chosen;
  } finally {
    lock.release();
  }
}
