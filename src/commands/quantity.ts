/** Sizes and durations as people type them. */
import { Failure } from "../errors.ts";

const SIZE_UNITS: Record<string, number> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };
const SECONDS: Record<string, number> = { s: 1, min: 60, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `50M` or `50 MB` is 50 000 000. USAGE. */
export function parseSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([kmg]?)b?$/i.exec(text) ?? [];
  const factor = SIZE_UNITS[unit?.toLowerCase() ?? "?"];
  const size = Math.floor(Number(number) * (factor ?? Number.NaN));
  if (size > 0) return size;
  throw new Failure("USAGE", `${JSON.stringify(text)} is no size`, { hint: "write it as 50M" });
}

/** Seconds of `90`, `30s`, `15min`, `12h`, `7d` or `2w`. USAGE. */
export function parseDuration(text: string): number {
  const [, number, unit = "s"] = /^(\d+) ?([a-z]+)?$/i.exec(text) ?? [];
  const seconds = Number(number) * (SECONDS[unit] ?? Number.NaN);
  if (Number.isFinite(seconds)) return seconds;
  throw new Failure("USAGE", `${JSON.stringify(text)} is no duration`, {
    hint: "write it as 30s, 15min, 12h, 7d or 2w",
  });
}
