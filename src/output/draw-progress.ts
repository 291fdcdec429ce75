import type { Event } from "../events.ts";
import { escapeText } from "./escape.ts";
import { formatBytes, formatDigest } from "./format.ts";

type Layer = Extract<Event, { type: "layer" }>;

/** What is known of the work under way, gathered from events. */
export interface Progress {
  step: string;
  waiting: string;
  /** By digest, in the order they began. */
  layers: Map<string, Layer>;
}

/** Layers with a bar of their own; the others are counted. */
const BARS = 5;
const BAR_WIDTH = 24;

export function emptyProgress(): Progress {
  return { step: "", waiting: "", layers: new Map() };
}

/** Takes an event in. */
export function follow(progress: Progress, event: Event): void {
  switch (event.type) {
    case "resolved":
      progress.step = `pull ${event.reference}`;
      break;
    case "layer":
      progress.layers.set(event.digest, event);
      break;
    case "step":
      progress.step = `${event.step} ${event.name}`;
      progress.waiting = "";
      if (event.step !== "pull") progress.layers.clear();
      break;
    case "waiting":
      progress.waiting = waitingText(event);
      break;
    case "handover":
      Object.assign(progress, emptyProgress());
      break;
    case "warning":
    case "change":
      break;
  }
}

export function waitingText({ lock, holder }: Extract<Event, { type: "waiting" }>): string {
  return `waiting for ${lock}${holder === undefined ? "" : `, held by ${holder}`}`;
}

/** The lines to show, each escaped and at most `width` columns. Pure. */
export function drawProgress({ step, waiting, layers }: Progress, width: number): string[] {
  const all = [...layers.values()];
  const receiving = all.filter((layer) => layer.state === "receiving");
  const lines = [step, ...receiving.slice(0, BARS).map(drawLayer)];
  if (all.length > 0) lines.push(drawSum(all));
  lines.push(waiting);
  return lines.filter((text) => text !== "").map((text) => [...escapeText(text)].slice(0, width).join(""));
}

function drawLayer({ digest, received, size }: Layer): string {
  const filled = size === 0 ? BAR_WIDTH : Math.min(BAR_WIDTH, Math.floor((received / size) * BAR_WIDTH));
  const bar = `${"=".repeat(filled)}${" ".repeat(BAR_WIDTH - filled)}`;
  return `  ${formatDigest(digest)} [${bar}] ${formatBytes(received)} of ${formatBytes(size)}`;
}

function drawSum(layers: readonly Layer[]): string {
  const done = layers.filter((layer) => layer.state !== "receiving");
  const present = layers.filter((layer) => layer.state === "present").length;
  const known = present === 0 ? "" : `, ${present} already there`;
  return `  ${done.length} of ${layers.length} layers${known}`;
}
