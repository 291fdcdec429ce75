import { inject } from "vitest";
import { Machine } from "./machine.ts";
import { VirtualMachine } from "./virtual-machine.ts";

/** The machine that all files of the system project share. A test leaves it as it found it. */
export function machine(): Machine {
  return new Machine(inject("machineDir"));
}

/** The one that all files of the vm project share. */
export function virtualMachine(): VirtualMachine {
  return new VirtualMachine(inject("virtualMachineDir"));
}
