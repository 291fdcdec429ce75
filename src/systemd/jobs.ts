/**
 * systemd's jobs, awaited. A job may be over before the reply that names it is read, so results are kept from before the
 * call on; jobs are told apart by their object path, since other programs have jobs too.
 */
import type { Message } from "dbus-next";
import { Failure } from "../errors.ts";

/** org.freedesktop.systemd1(5), signal JobRemoved. */
export type JobResult =
  | "done"
  | "canceled"
  | "timeout"
  | "failed"
  | "dependency"
  | "skipped"
  | "assert"
  | "invalid"
  | "unsupported"
  | "collected"
  | "once";

export interface JobOptions {
  /** Gives up waiting (INTERRUPTED); the job goes on. */
  signal?: AbortSignal | undefined;
  /** Gives up waiting after this long (JOB_FAILED); default: never, systemd's own timeouts end a job. */
  timeoutMs?: number | undefined;
}

interface JobRequest extends JobOptions {
  /** Names the job in messages, such as `start etcd.service`. */
  what: string;
}

export class Jobs {
  readonly #finished = new Map<string, JobResult>();
  readonly #waiting = new Map<string, Waiter>();
  #calls = 0;

  /**
   * Runs `dispatch`, which asks for a job and gives its path, and waits for the job to be over. */
  async run(dispatch: () => Promise<string>, { what, signal, timeoutMs }: JobRequest): Promise<JobResult> {
    if (signal?.aborted) throw interrupted(what, signal.reason);
    this.#calls += 1;
    try {
      const path = await untilAborted(dispatch(), { what, signal });
      return await this.#result(path, { what, signal, timeoutMs });
    } finally {
      this.#calls -= 1;
      if (this.#calls === 0) this.#finished.clear();
    }
  }

  /** Takes a JobRemoved signal: job id, path, unit, result. */
  removed({ body: [, path, , result] }: Message): void {
    const waiter = this.#waiting.get(path as string);
    if (waiter !== undefined) waiter.resolve(result as JobResult);
    else if (this.#calls > 0) this.#finished.set(path as string, result as JobResult);
  }

  /** Fails every job that is waited for. */
  fail(failure: Failure): void {
    for (const { reject, what } of this.#waiting.values()) {
      reject(
        new Failure(failure.code, `${failure.message}: waiting for systemd to ${what}`, {
          cause: failure.cause,
        }),
      );
    }
  }

  #result(path: string, { what, signal, timeoutMs }: JobRequest): Promise<JobResult> {
    const finished = this.#finished.get(path);
    if (finished !== undefined) {
      this.#finished.delete(path);
      return Promise.resolve(finished);
    }
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => waiter.reject(tooLong(what, timeoutMs)), timeoutMs);
      const onAbort = (): void => waiter.reject(interrupted(what, signal?.reason));
      const settle = (run: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(path);
        run();
      };
      const waiter: Waiter = {
        what,
        resolve: (result) => settle(() => resolve(result)),
        reject: (error) => settle(() => reject(error)),
      };
      this.#waiting.set(path, waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
      if (signal?.aborted) onAbort();
    });
  }
}

// What `promise` gives; INTERRUPTED as soon as the signal aborts.
async function untilAborted<T>(promise: Promise<T>, { what, signal }: JobRequest): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(interrupted(what, signal.reason));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

interface Waiter {
  what: string;
  resolve(result: JobResult): void;
  reject(error: Error): void;
}

function tooLong(what: string, timeoutMs: number): Failure {
  return new Failure("JOB_FAILED", `systemd did not ${what} in ${timeoutMs / 1000} s`);
}

function interrupted(what: string, reason: unknown): Failure {
  return new Failure("INTERRUPTED", `interrupted while waiting for systemd to ${what}`, { cause: reason });
}
