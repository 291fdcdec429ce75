/** How values are written for people, the same everywhere. Pure. */

const UNITS = ["kB", "MB", "GB", "TB", "PB"];

/** `512 B`, `12.3 MB`: units of 1000, three digits. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes;
  let unit = -1;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const SPANS: readonly [unit: string, seconds: number][] = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** `2 hours ago`, of an ISO time and the present in milliseconds; the text itself where it is no time. */
export function formatSince(iso: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(iso)) / 1000);
  if (Number.isNaN(seconds)) return iso;
  if (seconds < 1) return "now";
  // A unit begins at two of it, as in `36 hours ago`: one digit more than rounding would leave.
  const [unit, span] = SPANS.find(([, length]) => seconds >= 2 * length) ?? ["second", 1];
  const count = Math.floor(seconds / span);
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}

/** `sha256:0123456789ab`: what people compare. */
export function formatDigest(digest: string): string {
  return digest.replace(/^([a-z0-9]+:[0-9a-f]{12})[0-9a-f]+$/, "$1");
}
