import { Failure } from "../../src/errors.ts";

/** The Failure that `action` ends with; an error of the test when it ends otherwise. */
export async function failureOf(action: () => unknown): Promise<Failure> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("expected a Failure, but nothing was thrown");
}
