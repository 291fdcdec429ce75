/** Whether the policy would accept today what is deployed. */
import { causesOf, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { NamedImage } from "../store/store.ts";
import type { Verdict } from "../trust/verdict.ts";
import { acceptStored } from "./accept.ts";
import { type Deployment, imageOf } from "./deployments.ts";

export interface TrustCheck {
  /** `NAME.N` */
  deployment: string;
  image: string;
  digest: string;
  /** By the policy of today and the signatures that the store has. */
  accepted: boolean;
  scope?: string | undefined;
  /** What met the requirements, or why nothing did. */
  requirements?: Verdict["requirements"] | undefined;
  reason?: string | undefined;
  /** What the policy said when it was deployed; undefined of records that are older than that. */
  installed?: Verdict | undefined;
}

/** Damaged records and images are not looked at: that they are damaged is said elsewhere. */
export async function verifyTrust(host: Host, deployments: readonly Deployment[]): Promise<TrustCheck[]> {
  const checks: TrustCheck[] = [];
  const names = await namedImages(host);
  for (const { id, info } of deployments) {
    if (info === undefined) continue;
    const digest = imageOf(info);
    const stored = await storedImage(host, { name: info.image, digest, names });
    if (stored === undefined) continue;
    const check = { deployment: id, image: info.image, digest, installed: info.berth.trust };
    try {
      const { scope, requirements } = (await acceptStored(host, stored)).verdict;
      checks.push({ ...check, accepted: true, scope, requirements });
    } catch (error) {
      if (!isFailure(error)) throw error;
      checks.push({ ...check, accepted: false, reason: [error.message, ...causesOf(error)].join(": ") });
    }
  }
  return checks;
}

async function namedImages(host: Host): Promise<NamedImage[]> {
  try {
    return await (await host.store()).names();
  } catch (error) {
    if (isFailure(error, "STORE_CORRUPT") || isFailure(error, "IMAGE_UNKNOWN")) return [];
    throw error;
  }
}

async function storedImage(
  host: Host,
  { name, digest, names }: { name: string; digest: ReturnType<typeof imageOf>; names: readonly NamedImage[] },
): Promise<NamedImage | undefined> {
  const named = names.find((each) => each.name === name && each.image.digest === digest);
  if (named !== undefined) return named;
  try {
    return { name, image: await (await host.store()).image(digest) };
  } catch (error) {
    if (isFailure(error, "STORE_CORRUPT") || isFailure(error, "IMAGE_UNKNOWN")) return undefined;
    throw error;
  }
}
