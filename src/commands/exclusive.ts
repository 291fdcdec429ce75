import { Failure } from "../errors.ts";

/** Of the options in `given`, by their names, one at most is set: a command that passes over one does what nobody asked for. USAGE. */
export function refuseTogether(given: Record<string, boolean>): void {
  const [first, second] = Object.keys(given).filter((option) => given[option]);
  if (second !== undefined) throw new Failure("USAGE", `${first} and ${second} exclude each other`);
}
