/** How Atomic's tables write what stands in them. Pure. */

import { digestHex } from "../../oci/digest.ts";

/** An image's id as tables have it. */
export function shortId(digest: string): string {
  return digestHex(digest).slice(0, 12);
}

/** `2026-11-24 12:30`, in the time of the place; the text itself where it is no time. */
export function minuteOf(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const two = (number: number): string => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `12.34 MB`: units of 1000. */
export function sizeOf(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(2)} ${UNITS[unit]}`;
}

/** `REPOSITORY` and `TAG` of a stored name; one with a digest has no tag. */
export function splitName(name: string): { repo: string; tag: string } {
  const plain = name.replace(/@.*$/, "");
  const at = plain.lastIndexOf(":");
  if (at <= plain.lastIndexOf("/")) return { repo: plain, tag: "" };
  return { repo: plain.slice(0, at), tag: plain.slice(at + 1) };
}

/** The first `length` characters, unless all were asked for. */
export function shortened(text: string, length: number, options: Record<string, unknown>): string {
  return options["trunc"] === false ? text : [...text].slice(0, length).join("");
}
