import { expect, test } from "vitest";
import { Failure } from "../../../src/errors.ts";
import { parseRetryAfter, Transient, withRetries } from "../../../src/registry/retry.ts";
import { failureOf } from "../../support/failures.ts";

const FAILURE = new Failure("REGISTRY_UNREACHABLE", "no");

/** Fails `failures` times, then returns how often it ran. */
function flaky(failures: number, error: () => Error): () => Promise<number> {
  let runs = 0;
  return async () => {
    runs++;
    if (runs <= failures) throw error();
    return await Promise.resolve(runs);
  };
}

test.each([
  [0, 1],
  [1, 2],
  [2, 3],
])("withRetries returns after %i transient failures", async (failures, runs) => {
  expect(
    await withRetries(
      flaky(failures, () => new Transient(FAILURE)),
      { baseMs: 1 },
    ),
  ).toBe(runs);
});

test("withRetries gives up with the failure itself: after three attempts, five when throttled", async () => {
  expect(
    await failureOf(() =>
      withRetries(
        flaky(3, () => new Transient(FAILURE)),
        { baseMs: 1 },
      ),
    ),
  ).toBe(FAILURE);
  const throttled = (): Transient => new Transient(FAILURE, { throttled: true });
  expect(await withRetries(flaky(4, throttled), { baseMs: 1 })).toBe(5);
  expect(await failureOf(() => withRetries(flaky(5, throttled), { baseMs: 1 }))).toBe(FAILURE);
});

test("withRetries does not try again what will not pass by itself", async () => {
  expect(await failureOf(() => withRetries(flaky(1, () => FAILURE)))).toBe(FAILURE);
});

test("withRetries says that it waits, and ends at once on abort", async () => {
  const controller = new AbortController();
  const messages: string[] = [];
  const failure = await failureOf(() =>
    withRetries(
      flaky(1, () => new Transient(FAILURE, { waitMs: 3_600_000 })),
      {
        signal: controller.signal,
        report: (event) => {
          messages.push(event.type === "warning" ? event.message : event.type);
          setTimeout(() => controller.abort(), 5);
        },
      },
    ),
  );
  expect(failure.code).toBe("INTERRUPTED");
  expect(messages).toEqual(["no; trying again in 60.0 s"]);
});

test.each([
  [undefined, undefined],
  ["5", 5000],
  ["0", 0],
  ["Thu, 01 Jan 1970 00:00:30 GMT", 20_000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["soon", undefined],
  ["-5", undefined],
])("parseRetryAfter reads %s as %s ms", (header, ms) => {
  expect(parseRetryAfter(header, 10_000)).toBe(ms);
});
