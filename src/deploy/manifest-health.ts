/**
 * The health check of an image in the /exports format: `{"berth": {"health": {...}}}` in its manifest.json, a key of berth's own
 * that other readers pass over. Pure.
 */
import { Failure } from "../errors.ts";
import { substitute, type TemplateValues } from "../render/substitute.ts";
import { type Health, parseHealthProbe } from "./health.ts";

/** One of `cmd`, `tcp` and `http`, as the options --health-cmd, --health-tcp and --health-http take them; templates. */
export interface ManifestHealth {
  cmd: string | undefined;
  tcp: string | undefined;
  http: string | undefined;
  /** Seconds. */
  interval: number;
  timeout: number;
  limit: number;
}

const DEFAULTS = { interval: 1, timeout: 5, limit: 60 };
/** Seconds that an image can have a command wait for it, whatever it says. */
const LONGEST = 3600;

/** The health check in `value`, what the key `berth` of a manifest.json holds. Throws what `invalid` makes of the reason. */
export function parseManifestHealth(
  value: unknown,
  invalid: (reason: string) => Failure,
): ManifestHealth | undefined {
  if (value === undefined) return undefined;
  const { health } = recordOf(value, "berth", invalid);
  if (health === undefined) return undefined;
  const found = recordOf(health, "berth.health", invalid);
  const text = (key: "cmd" | "tcp" | "http"): string | undefined => {
    const item = found[key];
    if (item === undefined || typeof item === "string") return item;
    if (typeof item === "number" && key === "tcp") return String(item);
    throw invalid(`berth.health.${key} is not a text`);
  };
  const seconds = (key: "interval" | "timeout" | "limit"): number => {
    const item = found[key] ?? DEFAULTS[key];
    if (typeof item === "number" && item > 0 && item <= LONGEST) return item;
    throw invalid(`berth.health.${key} is not a number of seconds up to ${LONGEST}`);
  };
  const probes = { cmd: text("cmd"), tcp: text("tcp"), http: text("http") };
  if (Object.values(probes).filter((probe) => probe !== undefined).length !== 1)
    throw invalid("berth.health has not exactly one of cmd, tcp and http");
  return { ...probes, interval: seconds("interval"), timeout: seconds("timeout"), limit: seconds("limit") };
}

/** @throws Failure VALUE_MISSING, TEMPLATE_INVALID, CONFIG_INVALID for what is no address. */
export function healthOfManifest(
  { cmd, tcp, http, ...times }: ManifestHealth,
  values: TemplateValues,
): Health | undefined {
  const filled = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : substitute(text, values, { file: "/exports/manifest.json" });
  const texts = { cmd: filled(cmd), tcp: filled(tcp), http: filled(http) };
  try {
    const probe = parseHealthProbe(texts);
    return probe === undefined ? undefined : { probe, ...times };
  } catch (cause) {
    throw new Failure("CONFIG_INVALID", "the health check in /exports/manifest.json is none", { cause });
  }
}

function recordOf(
  value: unknown,
  what: string,
  invalid: (reason: string) => Failure,
): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalid(`${what} is not an object`);
}
