/** vitest's global set-up of the project vm: one virtual machine for all its test files. */
import type { TestProject } from "vitest/node";
import { bootVirtualMachine } from "./vm.ts";

declare module "vitest" {
  interface ProvidedContext {
    virtualMachineDir: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const began = Date.now();
  process.stderr.write(
    "booting a virtual machine (what it boots from is made the first time: two minutes)\n",
  );
  const booted = await bootVirtualMachine();
  process.stderr.write(`it is up after ${Math.round((Date.now() - began) / 1000)} s\n`);
  project.provide("virtualMachineDir", booted.machine.dir);
  return () => booted.stop();
}
