import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../errors.ts";
import type { Report } from "../events.ts";

/** A failure that may pass by itself: thrown by an attempt, never seen by callers of `withRetries`. */
export class Transient extends Error {
  readonly failure: Failure;
  /** Milliseconds that the server asked to wait. */
  readonly waitMs: number | undefined;
  /** Whether the server asked for fewer requests (status 429). */
  readonly throttled: boolean;

  constructor(
    failure: Failure,
    { waitMs, throttled = false }: { waitMs?: number | undefined; throttled?: boolean } = {},
  ) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.waitMs = waitMs;
    this.throttled = throttled;
  }
}

export interface RetryOptions {
  /** The first wait in milliseconds, doubled each time; default 500, for a throttling server 2000. */
  baseMs?: number | undefined;
  signal?: AbortSignal | undefined;
  report?: Report | undefined;
}

const ATTEMPTS = 3;
const THROTTLED_ATTEMPTS = 5;
const MAX_WAIT_MS = 60_000;

/**
 * Runs `attempt` until it returns, or throws anything but a Transient. Three attempts, five when the server throttles, with
 * waits of at most a minute; then the failure of the last one. INTERRUPTED on abort.
 */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      if (tried >= (error.throttled ? THROTTLED_ATTEMPTS : ATTEMPTS)) throw error.failure;
      const base = options.baseMs ?? (error.throttled ? 2000 : 500);
      const waitMs = Math.min(error.waitMs ?? base * 2 ** (tried - 1), MAX_WAIT_MS);
      const seconds = (waitMs / 1000).toFixed(1);
      options.report?.({ type: "warning", message: `${error.message}; trying again in ${seconds} s` });
      await pause(waitMs, options.signal);
    }
  }
}

/** `Retry-After` as milliseconds from now: seconds, or an HTTP date. */
export function parseRetryAfter(header: string | undefined, now: number = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const date = header.endsWith("GMT") ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The Failure of a command that was told to stop. */
export function interrupted(signal: AbortSignal): Failure {
  return new Failure("INTERRUPTED", "interrupted", { cause: signal.reason });
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted === true) throw interrupted(signal);
    throw error;
  }
}
