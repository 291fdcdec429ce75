/** All deployments on disk, current or kept, of all containers: what prune must keep and verify must check. */
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Layout } from "../store/layout.ts";
import { namesIn, statIfThere } from "../sys/if-there.ts";
import { type Info, readInfo } from "./info.ts";
import { deploymentOf } from "./name.ts";

export interface Deployment {
  /** Of the container. */
  name: string;
  number: number;
  /** `NAME.N`, the name of its directory. */
  id: string;
  dir: string;
  /** Undefined with a reason where the record cannot be read. */
  info: Info | undefined;
  reason?: string;
}

/** Those that are whole or may become so again (NAME.N, NAME.N.old), sorted; what is being staged is not counted. */
export async function allDeployments(layout: Layout): Promise<Deployment[]> {
  const deployments: Deployment[] = [];
  for (const id of (await namesIn(layout.containers)).sort()) {
    const parsed = deploymentOf(id);
    if (parsed === undefined || id.endsWith(".tmp")) continue;
    const dir = join(layout.containers, id);
    if ((await statIfThere(dir))?.isDirectory() !== true) continue;
    deployments.push({ name: parsed.name, number: parsed.number, id, dir, ...(await tryInfo(dir)) });
  }
  return deployments;
}

/** The images of this store that deployments need: for a repair, and for another one of the same image. */
export async function deployedImages(layout: Layout): Promise<Digest[]> {
  const deployments = await allDeployments(layout);
  return deployments.flatMap(({ info }) =>
    info?.berth.rootfs !== undefined || info === undefined ? [] : [imageOf(info)],
  );
}

/** Whether it runs in the checkout of another store, which has the image. */
export function isShared({ remote, berth }: Info): boolean {
  return berth.rootfs !== undefined && remote === undefined;
}

export function imageOf({ revision }: Info): Digest {
  return `${revision.length === 128 ? "sha512" : "sha256"}:${revision}`;
}

async function tryInfo(dir: string): Promise<Pick<Deployment, "info" | "reason">> {
  try {
    return { info: await readInfo(dir) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { cause } = error;
    const reason = isErrno(cause, "ENOENT")
      ? "it is missing"
      : `its content is damaged: ${String((cause as Error).message)}`;
    return { info: undefined, reason };
  }
}
