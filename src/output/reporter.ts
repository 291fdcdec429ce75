import type { Event, Report } from "../events.ts";
import { drawProgress, emptyProgress, follow, waitingText } from "./draw-progress.ts";
import { escapeJson, escapeText } from "./escape.ts";

/** Where text goes: a stream of the process, or a test's. */
export interface Sink {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

export interface Reporter {
  report: Report;
  /** Takes the progress off the screen, before anything else is written. */
  clear(): void;
}

/** Between two drawings, and between two events of one layer: milliseconds. */
const INTERVAL = 100;

/** Every event as one line of JSON (`--progress=json`). */
export function jsonReporter(sink: Sink): Reporter {
  const isDue = throttle();
  return {
    report(event) {
      if (isDue(event)) sink.write(`${escapeJson(event)}\n`);
    },
    clear() {},
  };
}

/** Progress in place at the bottom of a terminal; warnings stay above it. */
export function terminalReporter(sink: Sink): Reporter {
  const progress = emptyProgress();
  const isDue = throttle();
  let shown = 0;
  const clear = (): void => {
    if (shown > 0) sink.write(`\x1b[${shown}A\x1b[J`);
    shown = 0;
  };
  return {
    report(event) {
      follow(progress, event);
      if (!isDue(event)) return;
      clear();
      if (event.type === "warning") sink.write(warningText(event));
      // The last column stays free: a full line would move the cursor on. A terminal of unknown width says 0.
      const lines = drawProgress(progress, (sink.columns || 80) - 1);
      sink.write(lines.map((text) => `${text}\n`).join(""));
      shown = lines.length;
    },
    clear,
  };
}

/** What somebody should know who does not watch: warnings, and what a command waits for. */
export function plainReporter(sink: Sink, { json }: { json: boolean }): Reporter {
  return {
    report(event) {
      if (event.type === "warning") {
        sink.write(json ? `${escapeJson({ warning: { message: event.message } })}\n` : warningText(event));
      } else if (event.type === "waiting" && !json) {
        sink.write(`berth: ${escapeText(waitingText(event))}\n`);
      }
    },
    clear() {},
  };
}

export function silentReporter(): Reporter {
  return { report() {}, clear() {} };
}

function warningText({ message }: Extract<Event, { type: "warning" }>): string {
  return `berth: warning: ${escapeText(message)}\n`;
}

/** Whether an event should be shown now: all but the steps of one layer's bytes that come too fast. */
function throttle(): (event: Event) => boolean {
  const last = new Map<string, number>();
  return (event) => {
    if (event.type !== "layer" || event.state !== "receiving") return true;
    const now = performance.now();
    if (now - (last.get(event.digest) ?? -INTERVAL) < INTERVAL) return false;
    last.set(event.digest, now);
    return true;
  };
}
