import { inject } from "vitest";
import { Machine } from "./machine.ts";

/** The machine that all files of the system project share. A test leaves it as it found it. */
export function machine(): Machine {
  return new Machine(inject("machineDir"));
}
