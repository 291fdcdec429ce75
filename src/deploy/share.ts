/** share: puts an image of the store into a store for others, to be mounted read-only and named in their `additional_stores`. */
import { resolve } from "node:path";
import type { Host } from "../host.ts";
import type { MountTarget } from "../layer/mount-targets.ts";
import type { ExecConfig } from "../oci/image-config.ts";
import { requireImage } from "./images.ts";
import { MADE_BY_SYSTEMD } from "./mounts.ts";
import { NETWORK_FILES } from "./plan.ts";

export interface Shared {
  image: string;
  digest: string;
  directory: string;
}

/**
 * With `checkout` the other store gets a checkout too, for hosts that use it in place. Copies what the store in `directory` lacks, sharing blocks where the file system can.
 * @throws Failure IMAGE_UNKNOWN, NO_SPACE
 */
export async function share(
  host: Host,
  typed: string,
  { directory, checkout }: { directory: string; checkout: boolean },
): Promise<Shared> {
  host.requireRoot("share an image");
  const found = await requireImage(host, typed);
  const { Store } = await import("../store/store.ts");
  const path = resolve(directory);
  const { report, signal, config } = host;
  const target = await Store.open(path, { report, signal, additional: [config.state] });
  const { image } = await target.name(found.name, found);
  if (checkout) await target.makeReady(image, readyTargets(image.config.config));
  return { image: found.name, digest: found.image.digest, directory: path };
}

/** What any runtime mounts on, so that nobody has to make it in a checkout that cannot be written. */
function readyTargets({ workingDir = "/", volumes }: ExecConfig): MountTarget[] {
  const plain = [workingDir, "/proc", "/sys", "/dev", ...MADE_BY_SYSTEMD, ...volumes];
  return [
    ...plain.map((path) => ({ path, type: "dir" as const })),
    { path: "/run", type: "dir", mode: 0o755 },
    { path: "/tmp", type: "dir", mode: 0o1777 },
    { path: "/var/tmp", type: "dir", mode: 0o1777 },
    ...NETWORK_FILES.map((path) => ({ path, type: "file" as const })),
  ];
}
