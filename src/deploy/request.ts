/** What is asked of an install: the command line's words, checked as far as they can be without looking at the host. */
import type { HealthRequest } from "./health.ts";
import type { Network } from "./network.ts";
import type { Order } from "./order.ts";
import type { Volume } from "./volume.ts";
import type { Writable } from "./writable-root.ts";

/** How an image is fetched. */
export interface PullRequest {
  /** As typed. */
  image: string;
  /** The name to store it under; by default its full reference. */
  as?: string | undefined;
  /** `os/arch[/variant]`; by default this host's. */
  platform?: string | undefined;
  authFile?: string | undefined;
  tlsVerify?: boolean | undefined;
  /** Keep the layers' blobs in the store too; by default what berth.toml says. */
  keepBlobs?: boolean | undefined;
}

export interface InstallRequest extends PullRequest {
  name?: string | undefined;
  /** For the image's templates; for an image without any, its environment. */
  values: Record<string, string>;
  environment: Record<string, string>;
  volumes: Volume[];
  runtime?: string | undefined;
  /** Go without what the runtime cannot give, instead of refusing. */
  runtimeLossy?: boolean | undefined;
  /** It may do all that root may on the host: for a container engine, or an agent that sets up devices and networks. */
  privileged?: boolean | undefined;
  /** The root file system can be written to; undefined: it is read-only. */
  writable?: Writable | undefined;
  /** Default: the host's. */
  network?: Network | undefined;
  /** Whether the service tells its readiness by sd_notify; undefined: what the image's label says. */
  notify?: boolean | undefined;
  /** Seconds in which the service has to send WATCHDOG=1; undefined: what the image's label says. */
  watchdog?: number | undefined;
  /** How it is found to be healthy; undefined: as the image says. */
  health?: HealthRequest | undefined;
  /** A root file system in another place, or a directory with one as `rootfs`: it is used there, nothing is checked out. */
  rootfs?: string | undefined;
  order: Order;
  /** What starts the service at boot; empty: multi-user.target. */
  wantedBy: string[];
  start: boolean;
  /** A file of the host that is in the way of one of the image's stays, instead of being refused. */
  keepHostFiles?: boolean | undefined;
  /** State directories that exist already are to be this container's, whoever made them. */
  adoptState?: boolean | undefined;
  /** A package's unit of the name gives way to the container's. */
  replaceUnit?: boolean | undefined;
  /** `update --auto` updates it. */
  autoUpdate?: boolean | undefined;
}
