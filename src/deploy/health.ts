/** How a service that tells no readiness is found to be healthy. Pure; wait-healthy.ts does it. */
import { Failure } from "../errors.ts";
import type { ExecConfig } from "../oci/image-config.ts";

/** What is asked until it succeeds. */
export type HealthProbe =
  /** A command in the running container; status 0 is healthy. */
  | { type: "exec"; command: string[] }
  /** A connection to a port of the service's network. */
  | { type: "tcp"; host: string; port: number }
  /** A GET there; any status from 200 to 399 is healthy. */
  | { type: "http"; host: string; port: number; path: string };

export interface Health {
  probe: HealthProbe;
  /** Seconds between two probes, the first ones come sooner. */
  interval: number;
  /** Seconds for one probe. */
  timeout: number;
  /** Seconds for the service to become healthy. */
  limit: number;
}

/** What the command line asks. */
export interface HealthRequest {
  probe?: HealthProbe | undefined;
  /** Seconds. */
  limit?: number | undefined;
  /** No check, whatever the image says. */
  off?: boolean | undefined;
}

/** Docker's defaults: interval and timeout 30 s, three tries. */
const DEFAULTS = { interval: 30, timeout: 30, retries: 3 };
/** An admin's own probe tells nothing of time. */
const OWN = { interval: 1, timeout: 5, limit: 60 };
const SECOND = 1e9;
/** Seconds that an image can have a command wait for it, whatever it says. */
const LONGEST_LIMIT = 3600;

/**
 * An admin's probe comes before those of the image, and the one of its manifest.json before that of its config; a service that
 * notifies needs none of its config's.
 */
export function healthOf(
  request: HealthRequest,
  {
    image,
    notify,
    manifest,
  }: { image: Pick<ExecConfig, "healthcheck">; notify: boolean; manifest?: Health | undefined },
): Health | undefined {
  if (request.off === true) return undefined;
  if (request.probe !== undefined) return { probe: request.probe, ...OWN, limit: request.limit ?? OWN.limit };
  if (manifest !== undefined) return { ...manifest, limit: request.limit ?? manifest.limit };
  const { healthcheck } = image;
  if (healthcheck === undefined || notify) return undefined;
  const command = commandOf(healthcheck.test);
  if (command === undefined) return undefined;
  const seconds = (nanoseconds: number | undefined, otherwise: number): number =>
    nanoseconds === undefined ? otherwise : nanoseconds / SECOND;
  const interval = seconds(healthcheck.interval, DEFAULTS.interval);
  const tries = healthcheck.retries ?? DEFAULTS.retries;
  const own = Math.min(seconds(healthcheck.startPeriod, 0) + interval * tries, LONGEST_LIMIT);
  return {
    probe: { type: "exec", command },
    interval,
    timeout: Math.min(seconds(healthcheck.timeout, DEFAULTS.timeout), LONGEST_LIMIT),
    limit: request.limit ?? own,
  };
}

/** image-spec leaves it to Docker: `CMD` is followed by an argument vector, `CMD-SHELL` by a line for the image's shell. */
function commandOf([kind, ...words]: readonly string[]): string[] | undefined {
  if (kind === undefined || kind === "" || kind === "NONE") return undefined;
  if (kind === "CMD" && words.length > 0) return words;
  const [line] = words;
  if (kind === "CMD-SHELL" && line !== undefined) return ["/bin/sh", "-c", line];
  throw new Failure(
    "CONFIG_INVALID",
    `the image's health check ${JSON.stringify(kind)} is neither CMD nor CMD-SHELL`,
    {
      hint: "give one with --health-cmd, --health-tcp or --health-http, or none with --no-health",
    },
  );
}

/**
 * The probe that options ask for; undefined where none does.
 * @throws Failure USAGE for two of them, and for what is no address.
 */
export function parseHealthProbe(options: {
  cmd?: string | undefined;
  tcp?: string | undefined;
  http?: string | undefined;
}): HealthProbe | undefined {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    throw new Failure("USAGE", `--health-${given[0]?.[0]} and --health-${given[1]?.[0]} exclude each other`);
  }
  if (options.cmd !== undefined) return { type: "exec", command: ["/bin/sh", "-c", options.cmd] };
  if (options.tcp !== undefined) return { type: "tcp", ...addressOf(options.tcp, "--health-tcp") };
  if (options.http === undefined) return undefined;
  const [, address = "", path = "/"] = /^(?:http:\/\/)?([^/]*)(\/.*)?$/s.exec(options.http) ?? [];
  if (/[\s\0]/.test(path))
    throw new Failure("USAGE", `--health-http ${JSON.stringify(options.http)}: no such path`);
  return {
    type: "http",
    ...addressOf(/:\d+$|^\d+$/.test(address) ? address : `${address}:80`, "--health-http"),
    path,
  };
}

/** `PORT`, `HOST:PORT` or `[ADDRESS]:PORT`; without a host it is the loopback of the service's network. */
function addressOf(text: string, option: string): { host: string; port: number } {
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new Failure("USAGE", `${option} ${JSON.stringify(text)} is no address`, {
      hint: "give a port, HOST:PORT or [ADDRESS]:PORT",
    });
  }
  return { host: match[1] ?? match[2] ?? "127.0.0.1", port };
}
