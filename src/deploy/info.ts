/**
 * `info`, the record of a deployment that lies in it as JSON. It keeps the keys of Atomic's system containers, so that
 * what reads theirs reads these, and adds its own.
 */
import { readFile } from "node:fs/promises";
import { Failure, isErrno } from "../errors.ts";
import type { Verdict } from "../trust/verdict.ts";
import type { Health } from "./health.ts";
import type { HostAccess } from "./host-access.ts";
import type { InstalledFile } from "./installed-files.ts";
import type { InstallRequest } from "./request.ts";

export interface Info {
  /** The image's full name. */
  image: string;
  /** Hex of the image's manifest digest. */
  revision: string;
  /** Unix time of the installation, in seconds. */
  created: number;
  /** All that the image's templates see; what of it was set is in `berth.request.values`. */
  values: Record<string, string | number>;
  "has-container-service": boolean;
  /** Files of the image on the host, as paths of it. */
  "installed-files": string[];
  /** Their SHA-256 in hex; "0" of what is no regular file. */
  "installed-files-checksum": Record<string, string>;
  /** As the image's manifest.json says, of one that has an /exports; the paths that files were renamed to are rendered. */
  "installed-files-template"?: string[];
  "rename-installed-files"?: Record<string, string>;
  "use-links"?: boolean;
  /** `systemd`, or the path of an OCI runtime. */
  runtime: string;
  /** What was asked for with `--rootfs`. */
  remote?: string;
  /** What only berth reads. */
  berth: {
    schema: 1;
    name: string;
    deployment: number;
    /** What was asked for: an update asks for it again. */
    request: InstallRequest;
    /** The service's command as the image's process starts it. */
    command: string[];
    /** Where its root file system is that lies in another place: `remote`, or the checkout of a store of others. */
    rootfs?: string;
    /** Host files of this deployment: the path as the service's system sees it, and the file here that it is a copy of. */
    hostFiles: { path: string; file: string; mode: number }[];
    /** Files of the image that this deployment puts on the host; absent: none. */
    installed?: InstalledFile[];
    /** Directories of the host that keep the container's state, its own. */
    state: string[];
    /** Directories of the host that its volumes bind and that were made where they were missing. */
    sources: string[];
    /** Whether the install enabled the unit; absent: it did. What systemd says now is the admin's. */
    enabled?: boolean;
    /** How the service is found to be healthy after a start; absent: it is not asked. */
    health?: Health;
    /** The image says that it changes its data in a way that older versions cannot read. */
    oneWay?: boolean;
    /** What the image asked of the host; absent: nothing. */
    hostAccess?: HostAccess[];
    /** Why the policy accepted the image, and when; absent in records of older versions. */
    trust?: Verdict;
  };
}

/**
 * The record of the deployment in `dir`.
 * @throws Failure STORE_CORRUPT when it is missing or not what berth writes.
 */
export async function readInfo(dir: string): Promise<Info> {
  const file = `${dir}/info`;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (!isErrno(cause, "ENOENT")) throw cause;
    throw new Failure("STORE_CORRUPT", `${file} is missing`, {
      cause,
      hint: "uninstall the container and install it again",
    });
  }
  try {
    const info = JSON.parse(text) as Partial<Info>;
    if (info.berth?.schema !== 1 || typeof info.image !== "string")
      throw new Error("not a record of this version of berth");
    return info as Info;
  } catch (cause) {
    throw new Failure("STORE_CORRUPT", `${file} cannot be read`, {
      cause,
      hint: "uninstall the container and install it again",
    });
  }
}

export function formatInfo(info: Info): string {
  return `${JSON.stringify(info, undefined, 4)}\n`;
}
